// Small matrix products whose entries are packs of pixels. Blocks of rows and columns stay in registers. Results for
// a row are neighbours in memory: what a block needs of one offset lies at fixed places from one pointer.
#pragma once

#include "layout.h"

namespace e2viz {

// Of a pack, or of one that two rows share.
template <bool kShared>
E2VIZ_INLINE Lane load_pack(const float* source) {
  return kShared ? load_halves(source) : load(source);
}

// scores[b][u][a] = start[u] + sum over channels of left[a] * right[b] at offset u
template <bool kShared>
E2VIZ_ALONE void window_scores(Lane* scores, Planes left, int rows, Planes right, int columns, int offsets,
                          const Planes* start) {
  for_blocks<4>(rows, [&]<int A>(Block<A>, int a0) {
    for_blocks<2>(columns, [&]<int B>(Block<B>, int b0) {
      for (int u = 0; u < offsets; ++u) {
        Lane sum[A][B];
        const Lane initial = start ? load_pack<kShared>(start->at + start->offset[u]) : Lane{};
#pragma GCC unroll 8
        for (int a = 0; a < A; ++a)
#pragma GCC unroll 8
          for (int b = 0; b < B; ++b) sum[a][b] = initial;
        const float* l = left(a0, 0);
        const float* r = right(b0, 0) + right.offset[u];
        for (int c = 0; c < left.depth; ++c, l += left.plane, r += right.plane) {
          Lane right_lane[B];
#pragma GCC unroll 8
          for (int b = 0; b < B; ++b)
            right_lane[b] = keep_in_register(load_pack<kShared>(r + b * right.depth * right.plane));
#pragma GCC unroll 8
          for (int a = 0; a < A; ++a) {
            const Lane left_lane = keep_in_register(load(l + a * left.depth * left.plane));
#pragma GCC unroll 8
            for (int b = 0; b < B; ++b) sum[a][b] += left_lane * right_lane[b];
          }
        }
#pragma GCC unroll 8
        for (int a = 0; a < A; ++a)
#pragma GCC unroll 8
          for (int b = 0; b < B; ++b) scores[((b0 + b) * offsets + u) * rows + a0 + a] = sum[a][b];
      }
    });
  });
}

// target[a] = sum over b and u of weights[b][u][a] * source[b] at offset u
template <bool kShared>
E2VIZ_ALONE void window_sum(Planes target, const Lane* weights, int rows, Planes source, int columns, int offsets) {
  for_blocks<4>(rows, [&]<int A>(Block<A>, int a0) {
    for_blocks<kColumns>(source.depth, [&]<int C>(Block<C>, int c0) {
      Lane sum[A][C] = {};
      for (int b = 0; b < columns; ++b) {
        const Lane* w = weights + b * offsets * rows + a0;
        for (int u = 0; u < offsets; ++u, w += rows) {
          const float* s = source(b, c0) + source.offset[u];
          Lane source_lane[C];
#pragma GCC unroll 8
          for (int c = 0; c < C; ++c) source_lane[c] = keep_in_register(load_pack<kShared>(s + c * source.plane));
#pragma GCC unroll 8
          for (int a = 0; a < A; ++a) {
            const Lane weight = keep_in_register(w[a]);
#pragma GCC unroll 8
            for (int c = 0; c < C; ++c) sum[a][c] += weight * source_lane[c];
          }
        }
      }
#pragma GCC unroll 8
      for (int a = 0; a < A; ++a)
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) store(target(a0 + a, c0 + c), sum[a][c]);
    });
  });
}

// target[b] at offset u += sum over a of weights[b][u][a] * source[a]
E2VIZ_ALONE void window_scatter(Planes target, int columns, const Lane* weights, int rows, Planes source, int offsets) {
  const long next_target = long(target.depth) * target.plane, next_source = long(source.depth) * source.plane;
  for (int u = 0; u < offsets; ++u) {
    for_blocks<4>(rows, [&]<int A>(Block<A>, int a0) {
      for_blocks<2>(columns, [&]<int B>(Block<B>, int b0) {
        Lane weight[A][B];
#pragma GCC unroll 8
        for (int a = 0; a < A; ++a)
#pragma GCC unroll 8
          for (int b = 0; b < B; ++b)
            weight[a][b] = keep_in_register(weights[((b0 + b) * offsets + u) * rows + a0 + a]);
        float* to[B];
        const float* from[A];
#pragma GCC unroll 8
        for (int b = 0; b < B; ++b) to[b] = target.at + (b0 + b) * next_target + target.offset[u];
#pragma GCC unroll 8
        for (int a = 0; a < A; ++a) from[a] = source.at + (a0 + a) * next_source;
        for (int c = 0; c < source.depth; ++c) {
          Lane sum[B];
#pragma GCC unroll 8
          for (int b = 0; b < B; ++b) sum[b] = keep_in_register(load(to[b]));
#pragma GCC unroll 8
          for (int a = 0; a < A; ++a) {
            const Lane source_lane = keep_in_register(load(from[a]));
            from[a] += source.plane;
#pragma GCC unroll 8
            for (int b = 0; b < B; ++b) sum[b] += weight[a][b] * source_lane;
          }
#pragma GCC unroll 8
          for (int b = 0; b < B; ++b) store(to[b], sum[b]), to[b] += target.plane;
        }
      });
    });
  }
}

// An encoding [v][k][channel], the same for all pixels, and the query element that each k belongs to.
// Plane encoding: k is a window offset and meets every query element. Group encoding: k = (g, m).

// scores[k][g] = sum over channels of query[g] * encoding[k]
E2VIZ_ALONE void plane_scores(Lane* scores, Planes query, int queries, const float* encoding, int depth, int count) {
  for_blocks<4>(queries, [&]<int G>(Block<G>, int g0) {
    for_blocks<2>(count, [&]<int K>(Block<K>, int k0) {
      Lane sum[K][G] = {};
      const float* e = encoding + k0 * depth;
      for (int c = 0; c < depth; ++c) {
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) {
          const Lane q = keep_in_register(load(query(g0 + g, c)));
#pragma GCC unroll 8
          for (int k = 0; k < K; ++k) sum[k][g] += q * e[k * depth + c];
        }
      }
#pragma GCC unroll 8
      for (int k = 0; k < K; ++k)
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) scores[(k0 + k) * queries + g0 + g] = sum[k][g];
    });
  });
}

// query_gradient[g] += sum over v and u of gradient[v][u][g] * encoding[v][u]; encodings of each v are `step` apart
E2VIZ_ALONE void plane_query_gradient(Planes query_gradient, int queries, const Lane* gradient, const float* encoding,
                                      long step, int depth, int outputs, int offsets) {
  for_blocks<4>(queries, [&]<int G>(Block<G>, int g0) {
    for_blocks<3>(depth, [&]<int C>(Block<C>, int c0) {
      Lane sum[G][C];
#pragma GCC unroll 8
      for (int g = 0; g < G; ++g)
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) sum[g][c] = load(query_gradient(g0 + g, c0 + c));
      for (int v = 0; v < outputs; ++v)
        for (int u = 0; u < offsets; ++u) {
          const float* e = encoding + v * step + u * depth + c0;
#pragma GCC unroll 8
          for (int g = 0; g < G; ++g) {
            const Lane d = keep_in_register(gradient[(v * offsets + u) * queries + g0 + g]);
#pragma GCC unroll 8
            for (int c = 0; c < C; ++c) sum[g][c] += d * e[c];
          }
        }
#pragma GCC unroll 8
      for (int g = 0; g < G; ++g)
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) store(query_gradient(g0 + g, c0 + c), sum[g][c]);
    });
  });
}

// encoding_gradient[v][u] += sum over g of gradient[v][u][g] * query[g]; lanes are summed at the end
E2VIZ_ALONE void plane_encoding_gradient(Lane* encoding_gradient, long step, const Lane* gradient, Planes query,
                                         int queries, int depth, int outputs, int offsets) {
  for_blocks<4>(queries, [&]<int G>(Block<G>, int g0) {
    for_blocks<3>(depth, [&]<int C>(Block<C>, int c0) {
      Lane q[G][C];
#pragma GCC unroll 8
      for (int g = 0; g < G; ++g)
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) q[g][c] = keep_in_register(load(query(g0 + g, c0 + c)));
      const Lane* of_score = gradient + g0;
      for (int v = 0; v < outputs; ++v) {
        Lane* target = encoding_gradient + v * step + c0;
        for (int u = 0; u < offsets; ++u, target += depth, of_score += queries) {
          Lane sum[C];
#pragma GCC unroll 8
          for (int c = 0; c < C; ++c) sum[c] = target[c];
#pragma GCC unroll 8
          for (int g = 0; g < G; ++g) {
            const Lane lane = keep_in_register(of_score[g]);
#pragma GCC unroll 8
            for (int c = 0; c < C; ++c) sum[c] += lane * q[g][c];
          }
#pragma GCC unroll 8
          for (int c = 0; c < C; ++c) target[c] = sum[c];
        }
      }
    });
  });
}

// The same three for the group encoding [v][g][m][channel], which each query element has for itself.
E2VIZ_ALONE void group_scores(Lane* scores, Planes query, int queries, const float* encoding, int depth, int outputs,
                         int keys) {
  for (int v = 0; v < outputs; ++v)
    for (int g = 0; g < queries; ++g)
      for_blocks<4>(keys, [&]<int M>(Block<M>, int m0) {
        const long row = (long(v) * queries + g) * keys + m0;
        Lane sum[M] = {};
        for (int c = 0; c < depth; ++c) {
          const Lane q = load(query(g, c));
#pragma GCC unroll 8
          for (int m = 0; m < M; ++m) sum[m] += q * encoding[(row + m) * depth + c];
        }
#pragma GCC unroll 8
        for (int m = 0; m < M; ++m) scores[row + m] = sum[m];
      });
}

E2VIZ_ALONE void group_gradients(Planes query_gradient, Lane* encoding_gradient, const Lane* gradient, Planes query,
                            int queries, const float* encoding, int depth, int outputs, int keys) {
  for (int g = 0; g < queries; ++g)
    for_blocks<4>(depth, [&]<int C>(Block<C>, int c0) {
      Lane q[C], sum[C];
#pragma GCC unroll 8
      for (int c = 0; c < C; ++c) q[c] = load(query(g, c0 + c)), sum[c] = load(query_gradient(g, c0 + c));
      for (int v = 0; v < outputs; ++v) {
        const long row = (long(v) * queries + g) * keys;
        const Lane* of_score = gradient + row;
        const float* e = encoding + row * depth + c0;
        Lane* target = encoding_gradient + row * depth + c0;
        for (int m = 0; m < keys; ++m, ++of_score, e += depth, target += depth) {
          const Lane lane = keep_in_register(*of_score);
#pragma GCC unroll 8
          for (int c = 0; c < C; ++c) {
            sum[c] += lane * e[c];
            target[c] += lane * q[c];
          }
        }
      }
#pragma GCC unroll 8
      for (int c = 0; c < C; ++c) store(query_gradient(g, c0 + c), sum[c]);
    });
}

}  // namespace e2viz
