// Lanes in double precision, for scores so large that their roundings would show.
#pragma once

#include "vector.h"

namespace e2viz {

// The lanes of a pack in double precision: two registers.
typedef double Half __attribute__((vector_size(4 * kLanes)));
typedef float HalfLane __attribute__((vector_size(2 * kLanes)));

struct Wide {
  Half low, high;
};

E2VIZ_INLINE Wide widen(const float* source) {
  HalfLane low, high;
  std::memcpy(&low, source, sizeof low);
  std::memcpy(&high, source + kLanes / 2, sizeof high);
  return {__builtin_convertvector(low, Half), __builtin_convertvector(high, Half)};
}

E2VIZ_INLINE Wide widen(const Lane& lane) { return widen(reinterpret_cast<const float*>(&lane)); }

E2VIZ_INLINE Lane narrow(Wide wide) {
  const HalfLane low = __builtin_convertvector(wide.low, HalfLane), high = __builtin_convertvector(wide.high, HalfLane);
  Lane lane;
  std::memcpy(&lane, &low, sizeof low);
  std::memcpy(reinterpret_cast<char*>(&lane) + sizeof low, &high, sizeof high);
  return lane;
}

E2VIZ_INLINE Wide operator+(Wide a, Wide b) { return {a.low + b.low, a.high + b.high}; }
E2VIZ_INLINE Wide operator-(Wide a, Wide b) { return {a.low - b.low, a.high - b.high}; }
E2VIZ_INLINE Wide operator*(Wide a, Wide b) { return {a.low * b.low, a.high * b.high}; }
E2VIZ_INLINE Wide operator+(Wide a, double b) { return {a.low + b, a.high + b}; }
E2VIZ_INLINE Wide operator*(Wide a, double b) { return {a.low * b, a.high * b}; }
E2VIZ_INLINE Wide larger(Wide a, Wide b) {
  return {a.low > b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
}

}  // namespace e2viz
