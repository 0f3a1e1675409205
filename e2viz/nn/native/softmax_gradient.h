// The gradient of the factorised softmax of one pack of pixels.
#pragma once

#include "softmax.h"

namespace e2viz {

// From weights_gradient to the gradient of each part's scores, and the weights on the way.
// With attention A = content * plane * group: dscore = A (dA - sum of A dA), summed over what a part lacks.
// kElements: of outputs, queries and keys alike, so that places in memory are constants; 0 where they differ.
template <bool kDropout, int kElements>
E2VIZ_ALONE void factorised_gradient(Tile& t) {
  const int outputs = kElements ? kElements : t.outputs, queries = kElements ? kElements : t.queries;
  const int keys = kElements ? kElements : t.keys, offsets = t.offsets;
  const long next_output = long(queries) * keys;
  const float* const planes = reinterpret_cast<const float*>(t.plane);
  const long* const places = t.place;
  for (int m = 0; m < keys; ++m)
    for (int v = 0; v < outputs; ++v)
      for_blocks<4>(queries, [&]<int G>(Block<G>, int g0) {
        Lane group[G], total[G] = {};
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) group[g] = t.group[v * next_output + (g0 + g) * keys + m];
        const Lane *content = t.content + long(m) * offsets * queries + g0;
        const Lane *gradient = t.weights_gradient + long(m) * offsets * outputs + v;
        Lane* weight = t.weights + long(m) * offsets * outputs + v;
        const long* place = places + v;
        for (int u = 0; u < offsets; ++u) {
          const float* plane = planes + g0 * kLanes + *place;
          const Lane of_weight = keep_in_register(*gradient);
          Lane sum = g0 ? *weight : Lane{};
#pragma GCC unroll 8
          for (int g = 0; g < G; ++g) {
            Lane attention = keep_in_register(content[g]) * load(plane + g * kLanes);
            if (kDropout) attention = masked(attention, Dropout::kept(t.word(v, g0 + g, m, u), v % 2, t.threshold));
            sum += attention * group[g];
            total[g] += attention * of_weight;
          }
          *weight = sum;
          content += queries, gradient += outputs, weight += outputs, place += outputs;
        }
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) t.shift[v * next_output + (g0 + g) * keys + m] = total[g];
      });
  for (int i = 0; i < outputs * queries; ++i) {
    Lane mean = {};
    for (int j = i * keys; j < (i + 1) * keys; ++j) mean += t.group[j] * t.shift[j];
    for (int j = i * keys; j < (i + 1) * keys; ++j) {
      t.group_gradient[j] = t.group[j] * (t.shift[j] - mean * t.window_total[j]);
      t.shift[j] = t.group[j] * mean;
    }
  }
  // An offset and a query at a time: both parts' sums stay in registers.
  const Lane *const groups = t.group, *const shifts = t.shift;
  for (int u = 0; u < offsets; ++u)
    for (int g = 0; g < queries; ++g)
      for_blocks<4>(outputs, [&]<int V>(Block<V>, int v0) {
        Lane plane[V], plane_sum[V] = {};
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v)
          plane[v] = keep_in_register(load(planes + places[u * outputs + v0 + v] + g * kLanes));
        const Lane *group = groups + v0 * next_output + g * keys, *shift = shifts + v0 * next_output + g * keys;
        const Lane *from = t.content + long(u) * queries + g, *of_weight = t.weights_gradient + long(u) * outputs + v0;
        Lane* target = t.content_gradient + long(u) * queries + g;
        const long next_key = long(offsets) * queries;
#pragma GCC unroll 4
        for (int m = 0; m < keys; ++m) {
          const Lane content = keep_in_register(*from);
          const LaneWord word[2] = {kDropout ? t.word(v0, g, m, u) : LaneWord{},
                                    kDropout && V > 2 ? t.word(v0 + 2, g, m, u) : LaneWord{}};
          Lane content_sum = {};
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) {
            Lane gradient = keep_in_register(of_weight[v]);
            if (kDropout) gradient = masked(gradient, Dropout::kept(word[v / 2], v % 2, t.threshold));
            gradient = group[v * next_output + m] * gradient - shift[v * next_output + m];
            content_sum += plane[v] * gradient;
            plane_sum[v] += content * gradient;
          }
          *target = v0 ? *target + content_sum * content : content_sum * content;
          from += next_key, target += next_key, of_weight += long(offsets) * outputs;
        }
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v)
          t.plane_gradient[(long(v0 + v) * offsets + u) * queries + g] = plane_sum[v] * plane[v];
      });
}

template <bool kDropout>
void factorised_gradient(Tile& t) {
  const bool alike = t.outputs == t.queries && t.outputs == t.keys;
  if (alike && t.outputs == 4) return factorised_gradient<kDropout, 4>(t);
  if (alike && t.outputs == 8) return factorised_gradient<kDropout, 8>(t);
  factorised_gradient<kDropout, 0>(t);
}

}  // namespace e2viz
