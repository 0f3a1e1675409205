// The softmax as it is defined, over (m, u) together, for packs whose factorised softmax would underflow. There the
// scores are large, and so are their roundings: they are summed in double precision.
#pragma once

#include "encodings.h"
#include "wide.h"

namespace e2viz {

// Scores in units of log 2, from queries that are not scaled yet.
class JointScores {
 public:
  void compute(const Problem& p, const Encodings& encodings, Planes query, Planes key, Planes outside) {
    queries_ = p.queries, keys_ = p.keys, offsets_ = p.offsets(), depth_ = p.depth;
    query_.resize(queries_ * depth_);
    for (int g = 0; g < queries_; ++g)
      for (int c = 0; c < depth_; ++c)
        query_[g * depth_ + c] = widen(query(g, c)) * (double(p.scale) * 1.4426950408889634);
    content_.resize(queries_ * keys_ * offsets_);
    for (int m = 0; m < keys_; ++m)
      for (int u = 0; u < offsets_; ++u) content(m, u, key, outside);
    plane_.resize(p.outputs * queries_ * offsets_);
    group_.resize(p.outputs * queries_ * keys_);
    const float *plane = encodings.plane.data(), *group = encodings.group.data();
    for (int v = 0; v < p.outputs; ++v, plane += offsets_ * p.depth_plane)
      for (int g = 0; g < queries_; ++g, group += keys_ * p.depth_group()) {
        products(&plane_[(v * queries_ + g) * offsets_], g, 0, p.depth_plane, plane, offsets_);
        products(&group_[(v * queries_ + g) * keys_], g, p.depth_plane, p.depth_group(), group, keys_);
      }
    joint_.resize(keys_ * offsets_);
  }

  // The attention of (v, g) over (m, u), into t.joint.
  void softmax(Tile& t, int v, int g) {
    const Wide *content = &content_[g * keys_ * offsets_], *plane = &plane_[(v * queries_ + g) * offsets_];
    const Wide* group = &group_[(v * queries_ + g) * keys_];
    Wide top = content[0] + plane[0] + group[0];
    for (int m = 0; m < keys_; ++m)
      for (int u = 0; u < offsets_; ++u) {
        const Wide score = content[m * offsets_ + u] + plane[u] + group[m];
        joint_[m * offsets_ + u] = score;
        top = larger(top, score);
      }
    Lane denominator = {};
    for (int i = 0; i < keys_ * offsets_; ++i) {
      t.joint[i] = exp2_of_negative(narrow(joint_[i] - top));
      denominator += t.joint[i];
    }
    const Lane inverse = 1.0f / denominator;
    for (int i = 0; i < keys_ * offsets_; ++i) t.joint[i] *= inverse;
  }

 private:
  void content(int m, int u, Planes key, Planes outside) {
    const float* keys = key(m, 0) + key.offset[u];
    for_blocks<4>(queries_, [&]<int G>(Block<G>, int g0) {
      Wide sum[G];
#pragma GCC unroll 8
      for (int g = 0; g < G; ++g) sum[g] = widen(outside.at + outside.offset[u]);
      for (int c = 0; c < depth_; ++c) {
        const Wide k = widen(keys + c * key.plane);
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) sum[g] = sum[g] + query_[(g0 + g) * depth_ + c] * k;
      }
#pragma GCC unroll 8
      for (int g = 0; g < G; ++g) content_[((g0 + g) * keys_ + m) * offsets_ + u] = sum[g];
    });
  }

  // scores[i] = sum over channels of query g * encoding[i]
  void products(Wide* scores, int g, int first_channel, int channels, const float* encoding, int count) {
    const Wide* query = &query_[g * depth_ + first_channel];
    for_blocks<4>(count, [&]<int I>(Block<I>, int i0) {
      Wide sum[I] = {};
      for (int c = 0; c < channels; ++c)
#pragma GCC unroll 8
        for (int i = 0; i < I; ++i) sum[i] = sum[i] + query[c] * double(encoding[(i0 + i) * channels + c]);
#pragma GCC unroll 8
      for (int i = 0; i < I; ++i) scores[i0 + i] = sum[i];
    });
  }

  int queries_ = 0, keys_ = 0, offsets_ = 0, depth_ = 0;
  std::vector<Wide> query_, content_, plane_, group_, joint_;
};

template <bool kDropout>
inline Lane joint_kept(const Tile& t, Lane lane, int v, int g, int m, int u) {
  return kDropout ? masked(lane, Dropout::kept(t.word(v, g, m, u), v % 2, t.threshold)) : lane;
}

template <bool kDropout>
inline void joint_weights(Tile& t, JointScores& scores) {
  for (int v = 0; v < t.outputs; ++v)
    for (int g = 0; g < t.queries; ++g) {
      scores.softmax(t, v, g);
      for (int m = 0; m < t.keys; ++m)
        for (int u = 0; u < t.offsets; ++u) {
          const Lane kept = joint_kept<kDropout>(t, t.joint[m * t.offsets + u], v, g, m, u);
          Lane& weight = t.weights[t.of_weights(m, u, v)];
          weight = g ? weight + kept : kept;
        }
    }
}

template <bool kDropout>
inline void joint_gradient(Tile& t, JointScores& scores) {
  joint_weights<kDropout>(t, scores);
  std::fill_n(t.content_gradient, t.queries * t.keys * t.offsets, Lane{});
  std::fill_n(t.plane_gradient, t.outputs * t.queries * t.offsets, Lane{});
  for (int v = 0; v < t.outputs; ++v)
    for (int g = 0; g < t.queries; ++g) {
      scores.softmax(t, v, g);
      Lane mean = {};
      for (int m = 0; m < t.keys; ++m)
        for (int u = 0; u < t.offsets; ++u) {
          const int i = m * t.offsets + u;
          mean += joint_kept<kDropout>(t, t.joint[i] * t.weights_gradient[t.of_weights(m, u, v)], v, g, m, u);
        }
      for (int m = 0; m < t.keys; ++m) {
        Lane total = {};
        for (int u = 0; u < t.offsets; ++u) {
          const int i = m * t.offsets + u;
          const Lane upstream = t.weights_gradient[t.of_weights(m, u, v)];
          const Lane change = t.joint[i] * (joint_kept<kDropout>(t, upstream, v, g, m, u) - mean);
          t.content_gradient[t.of_content(m, u, g)] += change;
          t.plane_gradient[t.of_plane_gradient(v, u, g)] += change;
          total += change;
        }
        t.group_gradient[t.of_group(v, g, m)] = total;
      }
    }
}

}  // namespace e2viz
