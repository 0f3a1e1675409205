// What acts on each position by itself, and the norm over a whole map: everything in a block but its attention.
#pragma once

#include <algorithm>
#include <cmath>

#include "vector.h"

namespace e2viz {

// Weights and bias of a norm, one for each channel; or of a 1x1 product [output input]. Mirrored in library.py.
struct Affine {
  const float *weight, *bias;
};

// By an exponential that cannot overflow.
E2VIZ_INLINE Lane sigmoid(Lane x) {
  const LaneInt sign = LaneInt{} + INT32_MIN;
  const Lane small = exp2_of_negative((Lane)((LaneInt)x | sign) * 1.44269504f);
  return (x < 0.0f ? small : fill(1.0f)) / (1.0f + small);
}

// x * sigmoid(x).
E2VIZ_INLINE Lane swish(Lane x) {
  const LaneInt sign = LaneInt{} + INT32_MIN;
  const Lane small = exp2_of_negative((Lane)((LaneInt)x | sign) * 1.44269504f);
  return x * (x < 0.0f ? small : fill(1.0f)) / (1.0f + small);
}

// Count, mean and sum of squared distances from the mean.
struct Moments {
  double count = 0, mean = 0, squares = 0;

  // Source: Chan, Golub & LeVeque 1983.
  void add(const Moments& other) {
    if (!other.count) return;
    const double total = count + other.count, distance = other.mean - mean;
    squares += other.squares + distance * distance * count * other.count / total;
    mean += distance * other.count / total;
    count = total;
  }

  // In pieces that stay in the nearest cache, each about its own mean: nothing cancels.
  E2VIZ_ALONE void add(const float* values, long count) {
    constexpr long kPiece = 1024;
    for (; count > 0; values += kPiece, count -= kPiece) {
      const long size = std::min(count, kPiece);
      const double mean = sum(values, size, [](Lane lane) { return lane; }) / double(size);
      const float middle = float(mean);
      const double squares = sum(values, size, [middle](Lane lane) { return (lane - middle) * (lane - middle); });
      add({double(size), mean, squares - size * (mean - middle) * (mean - middle)});
    }
  }

 private:
  template <class Function>
  static E2VIZ_INLINE double sum(const float* values, long count, const Function& function) {
    Lane total[4] = {};
    long i = 0;
    for (; i + 4 * kLanes <= count; i += 4 * kLanes)
#pragma GCC unroll 8
      for (int k = 0; k < 4; ++k) total[k] += function(load(values + i + k * kLanes));
    for (; i + kLanes <= count; i += kLanes) total[0] += function(load(values + i));
    double rest = 0;
    for (; i < count; ++i) rest += function(fill(values[i]))[0];
    return sum_of_lanes((total[0] + total[1]) + (total[2] + total[3])) + rest;
  }
};

// x * factor + shift: such as a norm as it acts on one channel.
struct Line {
  Line(float factor, float shift) : factor(factor), shift(shift) {}
  Line(const Moments& moments, float epsilon, const Affine& norm, int channel)
      : factor(norm.weight[channel] / float(std::sqrt(moments.squares / moments.count + epsilon))),
        shift(norm.bias[channel] - float(moments.mean) * factor) {}

  E2VIZ_INLINE Lane operator()(Lane x) const { return x * factor + shift; }

  float factor, shift;
};

// target[i] = function(lanes at i of each source), to the last partial lane.
template <class Function, class... Sources>
E2VIZ_INLINE void for_lanes(float* target, long count, const Function& function, const Sources*... sources) {
  long i = 0;
  for (; i + kLanes <= count; i += kLanes) store(target + i, function(load(sources + i)...));
  if (i < count) store_some(target + i, function(load_some(sources + i, count - i)...), count - i);
}

// Maps [channel][position], of which some positions are worked on.
struct Positions {
  float* at;
  long channel;  // floats from one channel to the next
  float* operator()(int c) const { return at + c * channel; }
};

// target[o] = bias[o] + sum over i of weight[o][i] * source[i]
E2VIZ_ALONE void product(Positions target, int outputs, Positions source, int inputs, const Affine& weights,
                         long count) {
  const auto block = [&]<int X>(Block<X>, long first, const auto& load, const auto& store) {
    for_blocks<8 / X>(outputs, [&]<int O>(Block<O>, int o0) {
      Lane sum[O][X];
#pragma GCC unroll 8
      for (int o = 0; o < O; ++o)
#pragma GCC unroll 8
        for (int x = 0; x < X; ++x) sum[o][x] = fill(weights.bias[o0 + o]);
      for (int i = 0; i < inputs; ++i) {
        Lane lane[X];
#pragma GCC unroll 8
        for (int x = 0; x < X; ++x) lane[x] = keep_in_register(load(source(i) + first + x * kLanes));
#pragma GCC unroll 8
        for (int o = 0; o < O; ++o) {
          const Lane factor = keep_in_register(fill(weights.weight[(o0 + o) * inputs + i]));
#pragma GCC unroll 8
          for (int x = 0; x < X; ++x) sum[o][x] += factor * lane[x];
        }
      }
#pragma GCC unroll 8
      for (int o = 0; o < O; ++o)
#pragma GCC unroll 8
        for (int x = 0; x < X; ++x) store(target(o0 + o) + first + x * kLanes, sum[o][x]);
    });
  };
  const auto whole = [](const float* at) { return load(at); };
  const auto put_whole = [](float* at, Lane lane) { store(at, lane); };
  for_blocks<2>(int(count / kLanes), [&]<int X>(Block<X> size, int x) { block(size, x * kLanes, whole, put_whole); });
  if (const long rest = count % kLanes)
    block(Block<1>{}, count - rest, [rest](const float* at) { return load_some(at, rest); },
          [rest](float* at, Lane lane) { store_some(at, lane, rest); });
}

}  // namespace e2viz
