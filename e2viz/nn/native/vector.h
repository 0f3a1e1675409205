// One vector register of neighbouring pixels, and what is done to it lane by lane.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace e2viz {

// Zen 4 (which GCC 12 takes for a Zen 3) splits each 512-bit instruction in two: half the lanes are as fast there, and
// what one pack of pixels needs takes half the room in the cache. Tests choose for themselves: the compiler makes
// registers that a processor lacks of several.
#if defined(E2VIZ_LANES)
#elif defined(__AVX512F__) && !defined(__znver3__) && !defined(__znver4__)
#define E2VIZ_LANES 16
#elif defined(__AVX__)
#define E2VIZ_LANES 8
#else
#define E2VIZ_LANES 4
#endif

#if E2VIZ_LANES == 16 && defined(__AVX512F__)
#define E2VIZ_LARGER(a, b) _mm512_mask_max_ps(a, 0xffff, a, b)  // GCC 12 warns of its own _mm512_max_ps
#elif E2VIZ_LANES == 8 && defined(__AVX__)
#define E2VIZ_LARGER(a, b) _mm256_max_ps(a, b)
#elif E2VIZ_LANES == 4 && defined(__SSE2__)
#define E2VIZ_LARGER(a, b) _mm_max_ps(a, b)
#endif

constexpr int kLanes = E2VIZ_LANES;
// Columns of a block of sums that registers hold, of four rows: AVX-512 and ARM have 32 registers.
#if (E2VIZ_LANES == 16 && defined(__AVX512F__)) || (E2VIZ_LANES == 4 && defined(__aarch64__))
constexpr int kColumns = 4;
#else
constexpr int kColumns = 2;
#endif

typedef float Lane __attribute__((vector_size(4 * kLanes)));
typedef int32_t LaneInt __attribute__((vector_size(4 * kLanes)));
typedef uint32_t LaneWord __attribute__((vector_size(4 * kLanes)));

#define E2VIZ_INLINE inline __attribute__((always_inline))
// A loop that needs all registers: within a larger function its pointers would be spilled.
#define E2VIZ_ALONE inline __attribute__((noinline))

E2VIZ_INLINE Lane load(const float* source) {
  Lane lane;
  std::memcpy(&lane, source, sizeof lane);
  return lane;
}

E2VIZ_INLINE void store(float* target, Lane lane) { std::memcpy(target, &lane, sizeof lane); }

// Half a pack from each of two places, the second kLanes after the first.
E2VIZ_INLINE Lane load_halves(const float* source) {
#if E2VIZ_LANES == 16 && defined(__AVX512F__)
  const double* halves = reinterpret_cast<const double*>(source);
  const __m512d first = _mm512_castpd256_pd512(_mm256_loadu_pd(halves));
  return (Lane)_mm512_mask_insertf64x4(first, 0xff, first, _mm256_loadu_pd(halves + kLanes / 2), 1);
#elif E2VIZ_LANES == 8 && defined(__AVX__)
  return (Lane)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(source)), _mm_loadu_ps(source + kLanes), 1);
#else
  Lane lane;
  std::memcpy(&lane, source, sizeof lane / 2);
  std::memcpy(reinterpret_cast<char*>(&lane) + sizeof lane / 2, source + kLanes, sizeof lane / 2);
  return lane;
#endif
}

// Load once, use often: without it the compiler reads memory again for each product.
E2VIZ_INLINE Lane keep_in_register(Lane lane) {
#if defined(E2VIZ_LARGER) && defined(__AVX512F__)
  asm("" : "+v"(lane));
#elif defined(E2VIZ_LARGER)
  asm("" : "+x"(lane));
#elif defined(__aarch64__) && E2VIZ_LANES == 4
  asm("" : "+w"(lane));
#endif
  return lane;
}

// A line's first lanes, fewer than all, zero beyond them; and as many back. Copies of any length are a call, and a
// register that is read across what two writes left stalls: AVX-512 has masks.
E2VIZ_INLINE Lane load_some(const float* source, long count) {
#if E2VIZ_LANES == 16 && defined(__AVX512F__)
  return (Lane)_mm512_maskz_loadu_ps(__mmask16((1u << count) - 1), source);
#else
  Lane lane = {};
  std::memcpy(&lane, source, 4 * count);
  return lane;
#endif
}

E2VIZ_INLINE void store_some(float* target, Lane lane, long count) {
#if E2VIZ_LANES == 16 && defined(__AVX512F__)
  _mm512_mask_storeu_ps(target, __mmask16((1u << count) - 1), (__m512)lane);
#else
  std::memcpy(target, &lane, 4 * count);
#endif
}

// The lanes at these places of two packs, one after the other. Clang finds the instruction by itself, GCC does not.
E2VIZ_INLINE Lane lanes_at(Lane a, Lane b, LaneInt places) {
#if defined(__clang__)
  Lane chosen;
  for (int i = 0; i < kLanes; ++i) chosen[i] = places[i] < kLanes ? a[places[i]] : b[places[i] - kLanes];
  return chosen;
#else
  return __builtin_shuffle(a, b, places);
#endif
}

// Of two packs, one after the other, the lanes at even places or, with `first` 1, at odd ones.
E2VIZ_INLINE Lane every_other(Lane a, Lane b, int first) {
  LaneInt places;
  for (int i = 0; i < kLanes; ++i) places[i] = 2 * i + first;
  return lanes_at(a, b, places);
}

// Half a pack of each, from lane `first` on, by turns.
E2VIZ_INLINE Lane alternating(Lane a, Lane b, int first) {
  LaneInt places;
  for (int i = 0; i < kLanes; ++i) places[i] = first + i / 2 + i % 2 * kLanes;
  return lanes_at(a, b, places);
}

// target = source * factor. The last pack overlaps the one before; a short line goes one by one.
E2VIZ_INLINE void copy_scaled(float* target, const float* source, int count, float factor) {
  if (count < kLanes) {
    for (int i = 0; i < count; ++i) target[i] = source[i] * factor;
    return;
  }
  for (int i = 0; i < count - kLanes; i += kLanes) store(target + i, keep_in_register(load(source + i)) * factor);
  store(target + count - kLanes, keep_in_register(load(source + count - kLanes)) * factor);
}

// Minus zero, since plus zero is not the identity: it would turn -0 into 0, and costs an addition.
E2VIZ_INLINE Lane fill(float value) { return value - Lane{}; }

E2VIZ_INLINE Lane masked(Lane lane, LaneInt mask) { return (Lane)((LaneInt)lane & mask); }

// From a comparison and a choice GCC makes two slow instructions where one of both is a constant.
E2VIZ_INLINE Lane larger(Lane a, Lane b) {
#if defined(E2VIZ_LARGER)
  return E2VIZ_LARGER(a, b);
#else
  return a > b ? a : b;
#endif
}

E2VIZ_INLINE float sum_of_lanes(Lane lane) {
  float total = 0;
  for (int i = 0; i < kLanes; ++i) total += lane[i];
  return total;
}

// 2^x for x <= 0 to 1e-7 relative; below 2^-126 it is a number too small to count.
// Degree-5 minimax polynomial on [-1/2, 1/2] by pairs of terms, so that less waits for what comes before; the whole
// part goes straight into the exponent bits.
E2VIZ_INLINE Lane exp2_of_negative(Lane x) {
  x = larger(x, fill(-126.0f));
  const Lane shifted = x + 12582912.0f;  // 1.5 * 2^23: the low bits now hold round(x)
  const Lane f = x - (shifted - 12582912.0f);
  const Lane square = f * f;
  Lane y = f * 1.32647271e-03f + 9.67151274e-03f;
  y = y * square + (f * 5.55073374e-02f + 2.40222421e-01f);
  y = y * square + (f * 6.93146978e-01f + 1.0f);
  LaneInt exponent, bits;
  std::memcpy(&exponent, &shifted, sizeof shifted);
  std::memcpy(&bits, &y, sizeof y);
  bits += exponent << 23;
  std::memcpy(&y, &bits, sizeof y);
  return y;
}

template <int Size>
using Block = std::integral_constant<int, Size>;

// Calls body(block size as a type, first index) for blocks of Largest, then of half that, down to 1.
template <int Largest, class Body>
E2VIZ_INLINE void for_blocks(int count, const Body& body, int first = 0) {
  for (; first + Largest <= count; first += Largest) body(Block<Largest>{}, first);
  if constexpr (Largest > 1) {
    if (first < count) for_blocks<Largest / 2>(count, body, first);
  }
}

// Products of exponentials would turn denormal, which is twenty times slower and never matters here.
class FlushDenormals {
 public:
#if defined(__SSE2__)
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(saved_); }
 private:
  unsigned saved_;
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" : : "r"(saved_ | (1ull << 24)));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" : : "r"(saved_)); }
 private:
  uint64_t saved_;
#else
  FlushDenormals() {}
#endif
};

}  // namespace e2viz
