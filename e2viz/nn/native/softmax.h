// The factorised softmax of one pack of pixels and its gradient. Where it is not safe, joint.h takes over.
#pragma once

#include "dropout.h"

namespace e2viz {

// exp(content + plane + group) = exp(content) exp(plane) exp(group), each less its own maximum. Where their
// product gets this small for some pixel, terms that count may have underflowed: the joint softmax is taken.
constexpr float kSmallestDenominator = 1e-12f;

// The same where scores are so large, in units of log 2, that their roundings show in the fifth digit.
constexpr float kLargestScore = 64.0f;

// What one pack of pixels needs between its products.
struct Tile {
  Tile(const Problem& p, const long* place, Buffer& buffer)
      : outputs(p.outputs), queries(p.queries), keys(p.keys), offsets(p.offsets()), place(place),
        place_of_all(place), all_offsets(offsets) {
    const long by_key = long(queries) * keys * offsets, by_output = long(outputs) * queries * offsets;
    const long by_value = long(outputs) * keys * offsets, by_element = long(outputs) * queries * keys;
    const Dropout dropout(p);
    Lane* next = buffer.lanes(2 * by_key + 2 * by_output + 2 * by_value + 4 * by_element + keys * offsets +
                              dropout.query_words() + dropout.key_words());
    const auto take = [&next](long count) { Lane* taken = next; next += count; return taken; };
    content = take(by_key);
    content_gradient = take(by_key);
    plane = take(by_output);
    plane_gradient = take(by_output);
    weights = take(by_value);
    weights_gradient = take(by_value);
    group = take(by_element);
    group_gradient = take(by_element);
    window_total = take(by_element);
    shift = take(by_element);
    joint = take(keys * offsets);
    query_words = reinterpret_cast<LaneWord*>(take(dropout.query_words()));
    key_words = reinterpret_cast<LaneWord*>(take(dropout.key_words()));
    threshold = dropout.threshold();
  }

  // From now on the window is these of its offsets alone.
  void take_offsets(int first, int count) { place = place_of_all + long(first) * outputs, offsets = count; }
  void take_all_offsets() { take_offsets(0, all_offsets); }

  E2VIZ_INLINE long of_content(int m, int u, int g) const { return long(m * offsets + u) * queries + g; }
  E2VIZ_INLINE long of_plane_gradient(int v, int u, int g) const { return long(v * offsets + u) * queries + g; }
  E2VIZ_INLINE long of_weights(int m, int u, int v) const { return long(m * offsets + u) * outputs + v; }
  E2VIZ_INLINE int of_group(int v, int g, int m) const { return (v * queries + g) * keys + m; }
  E2VIZ_INLINE LaneWord word(int v, int g, int m, int u) const {
    return query_words[v / 2 * queries + g] * key_words[m * offsets + u];
  }

  // The plane part of (v, u), from query element g on.
  E2VIZ_INLINE const float* plane_of(int v, int u, int g) const {
    return reinterpret_cast<const float*>(plane + g) + place[u * outputs + v];
  }

  int outputs, queries, keys, offsets;
  const long* place;                 // [u][v]: where the offset's plane part begins, in floats
  const long* place_of_all;
  int all_offsets;
  Lane *content, *content_gradient;  // [m][u][g]: scores, then exponentials
  Lane* plane;                       // [different offset][g]: exponentials
  Lane* plane_gradient;              // [v][u][g]
  Lane *weights, *weights_gradient;  // [m][u][v]: attention summed over g
  Lane *group, *group_gradient;      // [v][g][m]: exponentials, then those over the denominator
  Lane *window_total, *shift;
  Lane* joint;  // [m][u]: attention of one (v, g), in joint.h
  LaneWord *query_words, *key_words;
  LaneInt threshold, safe;  // safe: whether the lane's factorised softmax can be trusted
};

// scores [count][rows] to exponentials, each less the largest of its row.
E2VIZ_ALONE void exponentiate(Lane* scores, int rows, int count, LaneInt& safe) {
  for_blocks<4>(rows, [&]<int R>(Block<R>, int r0) {
    Lane top[R], *first = scores + r0, *end = first + long(count) * rows;
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) top[r] = first[r];
    for (const Lane* next = first + rows; next < end; next += rows)
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) top[r] = larger(top[r], next[r]);
    // Lanes beyond the plane may have nothing but masked scores.
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
      safe &= (top[r] < kLargestScore) & ((top[r] > -kLargestScore) | (top[r] < 0.5f * kOutside));
    for (Lane* next = first; next < end; next += rows)
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) next[r] = exp2_of_negative(next[r] - top[r]);
  });
}

// The content's scores to exponentials, and 1 / denominator into the group part. False where a denominator is too
// small.
E2VIZ_ALONE bool factorise(Tile& t) {
  exponentiate(t.content, t.queries, t.keys * t.offsets, t.safe);
  for (int g = 0; g < t.queries; ++g)
    for_blocks<kColumns>(t.outputs, [&]<int V>(Block<V>, int v0) {
      for_blocks<4>(t.keys, [&]<int M>(Block<M>, int m0) {
        Lane total[V][M] = {};
        const Lane* content = t.content + t.of_content(m0, 0, g);
        const float* plane = reinterpret_cast<const float*>(t.plane + g);
        const long* place = t.place + v0;
        const long next_key = long(t.offsets) * t.queries;
        for (int u = 0; u < t.offsets; ++u, content += t.queries, place += t.outputs) {
          Lane key[M];
#pragma GCC unroll 8
          for (int m = 0; m < M; ++m) key[m] = keep_in_register(content[m * next_key]);
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) {
            const Lane lane = keep_in_register(load(plane + place[v]));
#pragma GCC unroll 8
            for (int m = 0; m < M; ++m) total[v][m] += lane * key[m];
          }
        }
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v)
#pragma GCC unroll 8
          for (int m = 0; m < M; ++m) t.window_total[t.of_group(v0 + v, g, m0 + m)] = total[v][m];
      });
    });
  LaneInt safe = t.safe;
  for_blocks<4>(t.outputs * t.queries, [&]<int I>(Block<I>, int i0) {
    const long keys = t.keys;
    Lane *group = t.group + i0 * keys, *total = t.window_total + i0 * keys, denominator[I] = {};
    for (long m = 0; m < keys; ++m)
#pragma GCC unroll 8
      for (int i = 0; i < I; ++i) denominator[i] += group[i * keys + m] * total[i * keys + m];
#pragma GCC unroll 8
    for (int i = 0; i < I; ++i) {
      safe &= denominator[i] > kSmallestDenominator;
      denominator[i] = 1.0f / denominator[i];
    }
    for (long m = 0; m < keys; ++m)
#pragma GCC unroll 8
      for (int i = 0; i < I; ++i) group[i * keys + m] *= denominator[i];
  });
  t.safe = safe;
  for (int i = 0; i < kLanes; ++i)
    if (!t.safe[i]) return false;
  return true;
}

// weights[m][u][v] = sum over g of attention, with what dropout left out
template <bool kDropout>
E2VIZ_ALONE void factorised_weights(Tile& t) {
  for_blocks<2>(t.outputs, [&]<int V>(Block<V>, int v0) {
    for (int m = 0; m < t.keys; ++m)
      for_blocks<4>(t.queries, [&]<int G>(Block<G>, int g0) {
        Lane group[V][G];
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v)
#pragma GCC unroll 8
          for (int g = 0; g < G; ++g) group[v][g] = t.group[t.of_group(v0 + v, g0 + g, m)];
        Lane* weight = t.weights + t.of_weights(m, 0, v0);
        const Lane* content = t.content + t.of_content(m, 0, g0);
        for (int u = 0; u < t.offsets; ++u, weight += t.outputs, content += t.queries) {
          Lane sum[V];
          const float* plane[V];
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) {
            sum[v] = g0 ? weight[v] : Lane{};
            plane[v] = t.plane_of(v0 + v, u, g0);
          }
#pragma GCC unroll 8
          for (int g = 0; g < G; ++g) {
            const Lane of_key = keep_in_register(content[g]);
            const LaneWord word = kDropout ? t.word(v0, g0 + g, m, u) : LaneWord{};
#pragma GCC unroll 8
            for (int v = 0; v < V; ++v) {
              Lane attention = of_key * load(plane[v] + g * kLanes);
              if (kDropout) attention = masked(attention, Dropout::kept(word, v, t.threshold));
              sum[v] += attention * group[v][g];
            }
          }
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) weight[v] = sum[v];
        }
      });
  });
}

// The same without dropout, of four outputs and four queries, written over the content's exponentials [m][u]: what a
// pack needs then stays in the nearest cache. Two outputs at a time, whose group part fits into registers.
E2VIZ_ALONE void factorised_weights_in_place(Tile& t) {
  constexpr int kFour = 4, kTwo = 2;
  const float* planes = reinterpret_cast<const float*>(t.plane);
  for (int m = 0; m < t.keys; ++m)
    for (int v0 = 0; v0 < kFour; v0 += kTwo) {
      Lane group[kTwo][kFour];
#pragma GCC unroll 8
      for (int v = 0; v < kTwo; ++v)
#pragma GCC unroll 8
        for (int g = 0; g < kFour; ++g) group[v][g] = keep_in_register(t.group[t.of_group(v0 + v, g, m)]);
      Lane *content = t.content + t.of_content(m, 0, 0), *first = t.weights;
      const long* place = t.place + v0;
      for (int u = 0; u < t.offsets; ++u, content += kFour, place += kFour, first += kTwo) {
        Lane sum[kTwo] = {};
#pragma GCC unroll 8
        for (int g = 0; g < kFour; ++g) {
          const Lane of_key = keep_in_register(content[g]);
#pragma GCC unroll 8
          for (int v = 0; v < kTwo; ++v) sum[v] += of_key * load(planes + place[v] + g * kLanes) * group[v][g];
        }
        if (!v0) {
          first[0] = sum[0], first[1] = sum[1];
        } else {
          content[0] = first[0], content[1] = first[1], content[2] = sum[0], content[3] = sum[1];
        }
      }
    }
}

}  // namespace e2viz
