// The factorised softmax of one pack of pixels and its gradient. Where it is not safe, joint.h takes over.
#pragma once

#include "dropout.h"

namespace e2viz {

// exp(content + plane + group) = exp(content) exp(plane) exp(group), each less its own maximum. Where their
// product gets this small for some pixel, terms that count may have underflowed: the joint softmax is taken.
constexpr float kSmallestDenominator = 1e-12f;

// The same where scores are so large, in units of log 2, that their roundings show in the fifth digit.
constexpr float kLargestScore = 64.0f;

// What one pack of pixels needs between its products. u runs fastest.
struct Tile {
  Tile(const Problem& p, const long* place, int places, Buffer& buffer)
      : outputs(p.outputs), queries(p.queries), keys(p.keys), offsets(p.offsets()), places(places), place(place) {
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

  E2VIZ_INLINE int of_content(int g, int m) const { return (g * keys + m) * offsets; }
  E2VIZ_INLINE int of_plane_gradient(int v, int g) const { return (v * queries + g) * offsets; }
  E2VIZ_INLINE int of_weights(int v, int m) const { return (v * keys + m) * offsets; }
  E2VIZ_INLINE int of_group(int v, int g, int m) const { return (v * queries + g) * keys + m; }
  E2VIZ_INLINE LaneWord word(int v, int g, int m, int u) const {
    return query_words[v / 2 * queries + g] * key_words[m * offsets + u];
  }

  E2VIZ_INLINE Lane plane_of(int v, int g, int u) const { return plane[g * places + place[v * offsets + u]]; }

  int outputs, queries, keys, offsets, places;
  const long* place;                 // [v][u]: which of the `places` different offsets
  Lane *content, *content_gradient;  // [g][m][u]: scores, then exponentials
  Lane* plane;                       // [g][place]: exponentials
  Lane* plane_gradient;              // [v][g][u]
  Lane *weights, *weights_gradient;  // [v][m][u]: attention summed over g
  Lane *group, *group_gradient;      // [v][g][m]: exponentials, then those over the denominator
  Lane *window_total, *shift;
  Lane* joint;  // [m][u]: attention of one (v, g), in joint.h
  LaneWord *query_words, *key_words;
  LaneInt threshold, safe;  // safe: whether the lane's factorised softmax can be trusted
};

// Four at a time: one by one, each comparison would wait for the one before.
inline Lane largest(const Lane* scores, int count) {
  Lane top[4] = {scores[0], scores[0], scores[0], scores[0]};
  int i = 1;
  for (; i + 4 <= count; i += 4)
#pragma GCC unroll 8
    for (int j = 0; j < 4; ++j) top[j] = larger(top[j], scores[i + j]);
  for (; i < count; ++i) top[0] = larger(top[0], scores[i]);
  return larger(larger(top[0], top[1]), larger(top[2], top[3]));
}

E2VIZ_ALONE void exponentiate(Lane* scores, int count, LaneInt& safe) {
  const Lane top = largest(scores, count);
  // Lanes beyond the plane may have nothing but masked scores.
  safe &= (top < kLargestScore) & ((top > -kLargestScore) | (top < 0.5f * kOutside));
  for (int i = 0; i < count; ++i) scores[i] = exp2_of_negative(scores[i] - top);
}

// The content's scores to exponentials, and 1 / denominator into the group part. False where a denominator is too
// small.
E2VIZ_ALONE bool factorise(Tile& t) {
  for (int g = 0; g < t.queries; ++g) exponentiate(t.content + t.of_content(g, 0), t.keys * t.offsets, t.safe);
  for (int g = 0; g < t.queries; ++g)
    for_blocks<4>(t.outputs, [&]<int V>(Block<V>, int v0) {
      for_blocks<2>(t.keys, [&]<int M>(Block<M>, int m0) {
        Lane total[V][M] = {};
        for (int u = 0; u < t.offsets; ++u) {
          Lane key[M];
#pragma GCC unroll 8
          for (int m = 0; m < M; ++m) key[m] = t.content[t.of_content(g, m0 + m) + u];
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) {
            const Lane plane = t.plane_of(v0 + v, g, u);
#pragma GCC unroll 8
            for (int m = 0; m < M; ++m) total[v][m] += plane * key[m];
          }
        }
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v)
#pragma GCC unroll 8
          for (int m = 0; m < M; ++m) t.window_total[t.of_group(v0 + v, g, m0 + m)] = total[v][m];
      });
    });
  for (int i = 0; i < t.outputs * t.queries; ++i) {
    Lane* group = t.group + i * t.keys;
    Lane denominator = {};
    for (int m = 0; m < t.keys; ++m) denominator += group[m] * t.window_total[i * t.keys + m];
    t.safe &= denominator > kSmallestDenominator;
    const Lane inverse = 1.0f / denominator;
    for (int m = 0; m < t.keys; ++m) group[m] *= inverse;
  }
  for (int i = 0; i < kLanes; ++i)
    if (!t.safe[i]) return false;
  return true;
}

// weights[v][m][u] = sum over g of attention, with what dropout left out
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
        for (int u = 0; u < t.offsets; ++u) {
          Lane sum[V];
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) sum[v] = g0 ? t.weights[t.of_weights(v0 + v, m) + u] : Lane{};
#pragma GCC unroll 8
          for (int g = 0; g < G; ++g) {
            const Lane content = t.content[t.of_content(g0 + g, m) + u];
            const LaneWord word = kDropout ? t.word(v0, g0 + g, m, u) : LaneWord{};
#pragma GCC unroll 8
            for (int v = 0; v < V; ++v) {
              Lane attention = content * t.plane_of(v0 + v, g0 + g, u);
              if (kDropout) attention = masked(attention, Dropout::kept(word, v, t.threshold));
              sum[v] += attention * group[v][g];
            }
          }
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) t.weights[t.of_weights(v0 + v, m) + u] = sum[v];
        }
      });
  });
}

// From weights_gradient to the gradient of each part's scores, and the weights on the way.
// With attention A = content * plane * group: dscore = A (dA - sum of A dA), summed over what a part lacks.
template <bool kDropout>
E2VIZ_ALONE void factorised_gradient(Tile& t) {
  for (int v = 0; v < t.outputs; ++v)
    for (int m = 0; m < t.keys; ++m)
      for_blocks<4>(t.queries, [&]<int G>(Block<G>, int g0) {
        Lane group[G], total[G] = {};
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) group[g] = t.group[t.of_group(v, g0 + g, m)];
        for (int u = 0; u < t.offsets; ++u) {
          Lane& weight = t.weights[t.of_weights(v, m) + u];
          const Lane gradient = t.weights_gradient[t.of_weights(v, m) + u];
          Lane sum = g0 ? weight : Lane{};
#pragma GCC unroll 8
          for (int g = 0; g < G; ++g) {
            Lane attention = t.content[t.of_content(g0 + g, m) + u] * t.plane_of(v, g0 + g, u);
            if (kDropout) attention = masked(attention, Dropout::kept(t.word(v, g0 + g, m, u), v % 2, t.threshold));
            sum += attention * group[g];
            total[g] += attention * gradient;
          }
          weight = sum;
        }
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) t.shift[t.of_group(v, g0 + g, m)] = total[g];
      });
  for (int i = 0; i < t.outputs * t.queries; ++i) {
    Lane mean = {};
    for (int j = i * t.keys; j < (i + 1) * t.keys; ++j) mean += t.group[j] * t.shift[j];
    for (int j = i * t.keys; j < (i + 1) * t.keys; ++j) {
      t.group_gradient[j] = t.group[j] * (t.shift[j] - mean * t.window_total[j]);
      t.shift[j] = t.group[j] * mean;
    }
  }
  for (int g = 0; g < t.queries; ++g)
    for_blocks<2>(t.outputs, [&]<int V>(Block<V>, int v0) {
      for_blocks<2>(t.keys, [&]<int M>(Block<M>, int m0) {
        Lane group[V][M], shift[V][M];
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v)
#pragma GCC unroll 8
          for (int m = 0; m < M; ++m) {
            group[v][m] = t.group[t.of_group(v0 + v, g, m0 + m)];
            shift[v][m] = t.shift[t.of_group(v0 + v, g, m0 + m)];
          }
        for (int u = 0; u < t.offsets; ++u) {
          Lane content_sum[M] = {}, plane_sum[V] = {};
#pragma GCC unroll 8
          for (int m = 0; m < M; ++m) {
            const LaneWord word = kDropout ? t.word(v0, g, m0 + m, u) : LaneWord{};
            const Lane content = t.content[t.of_content(g, m0 + m) + u];
#pragma GCC unroll 8
            for (int v = 0; v < V; ++v) {
              Lane gradient = t.weights_gradient[t.of_weights(v0 + v, m0 + m) + u];
              if (kDropout) gradient = masked(gradient, Dropout::kept(word, v, t.threshold));
              gradient = group[v][m] * gradient - shift[v][m];
              content_sum[m] += t.plane_of(v0 + v, g, u) * gradient;
              plane_sum[v] += content * gradient;
            }
          }
#pragma GCC unroll 8
          for (int m = 0; m < M; ++m) {
            Lane& target = t.content_gradient[t.of_content(g, m0 + m) + u];
            target = v0 ? target + content_sum[m] : content_sum[m];
          }
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) {
            Lane& target = t.plane_gradient[t.of_plane_gradient(v0 + v, g) + u];
            target = m0 ? target + plane_sum[v] : plane_sum[v];
          }
        }
      });
    });
  for (int i = 0; i < t.queries * t.keys * t.offsets; ++i) t.content_gradient[i] *= t.content[i];
  Lane* plane_gradient = t.plane_gradient;
  for (int v = 0; v < t.outputs; ++v)
    for (int g = 0; g < t.queries; ++g)
      for (int u = 0; u < t.offsets; ++u) *plane_gradient++ *= t.plane_of(v, g, u);
}

}  // namespace e2viz
