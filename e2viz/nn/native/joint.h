// The softmax as it is defined, over (m, u) together, for packs whose factorised softmax would underflow. There the
// scores are large, and so are their roundings: they are summed in double precision.
#pragma once

#include "encodings.h"

namespace e2viz {

typedef double Wide __attribute__((vector_size(8 * kLanes)));

E2VIZ_INLINE Wide widen(Lane lane) { return __builtin_convertvector(lane, Wide); }

// Scores in units of log 2, from queries that are not scaled yet.
class JointScores {
 public:
  void compute(const Problem& p, const Encodings& encodings, Planes query, Planes key, Planes outside) {
    const double factor = double(p.scale) * 1.4426950408889634;
    queries_ = p.queries, keys_ = p.keys, offsets_ = p.offsets();
    content_.clear(), plane_.clear(), group_.clear();
    for (int g = 0; g < p.queries; ++g)
      for (int m = 0; m < p.keys; ++m)
        for (int u = 0; u < p.offsets(); ++u) {
          Wide sum = {};
          for (int c = 0; c < p.depth; ++c) sum += widen(load(query(g, c))) * widen(load(key(m, c) + key.offset[u]));
          content_.push_back(sum * factor + widen(load(outside.at + outside.offset[u])));
        }
    const float *plane = encodings.plane.data(), *group = encodings.group;
    for (int v = 0; v < p.outputs; ++v)
      for (int g = 0; g < p.queries; ++g) {
        for (int u = 0; u < p.offsets(); ++u)
          plane_.push_back(product(query, g, 0, p.depth_plane, plane + (v * p.offsets() + u) * p.depth_plane) * factor);
        for (int m = 0; m < p.keys; ++m, group += p.depth_group())
          group_.push_back(product(query, g, p.depth_plane, p.depth_group(), group) * factor);
      }
    joint_.resize(p.keys * p.offsets());
  }

  // The attention of (v, g) over (m, u), into t.joint.
  void softmax(Tile& t, int v, int g) {
    const Wide *content = &content_[long(g) * keys_ * offsets_], *plane = &plane_[(long(v) * queries_ + g) * offsets_];
    const Wide* group = &group_[(long(v) * queries_ + g) * keys_];
    Wide top = content[0] + plane[0] + group[0];
    for (int m = 0; m < keys_; ++m)
      for (int u = 0; u < offsets_; ++u) {
        const Wide score = content[m * offsets_ + u] + plane[u] + group[m];
        joint_[m * offsets_ + u] = score;
        top = score > top ? score : top;
      }
    Lane denominator = {};
    for (int i = 0; i < keys_ * offsets_; ++i) {
      t.joint[i] = exp2_of_negative(__builtin_convertvector(joint_[i] - top, Lane));
      denominator += t.joint[i];
    }
    for (int i = 0; i < keys_ * offsets_; ++i) t.joint[i] /= denominator;
  }

 private:
  static Wide product(Planes query, int g, int first_channel, int channels, const float* encoding) {
    Wide sum = {};
    for (int c = 0; c < channels; ++c) sum += widen(load(query(g, first_channel + c))) * double(encoding[c]);
    return sum;
  }

  int queries_ = 0, keys_ = 0, offsets_ = 0;
  std::vector<Wide> content_, plane_, group_, joint_;
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
          Lane& weight = t.weights[t.of_weights(v, m) + u];
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
      const Lane* upstream = t.weights_gradient + t.of_weights(v, 0);
      Lane mean = {};
      for (int m = 0; m < t.keys; ++m)
        for (int u = 0; u < t.offsets; ++u) {
          const int i = m * t.offsets + u;
          mean += joint_kept<kDropout>(t, t.joint[i] * upstream[i], v, g, m, u);
        }
      for (int m = 0; m < t.keys; ++m) {
        Lane total = {};
        for (int u = 0; u < t.offsets; ++u) {
          const int i = m * t.offsets + u;
          const Lane change = t.joint[i] * (joint_kept<kDropout>(t, upstream[i], v, g, m, u) - mean);
          t.content_gradient[t.of_content(g, m) + u] += change;
          t.plane_gradient[t.of_plane(v, g) + u] += change;
          total += change;
        }
        t.group_gradient[t.of_group(v, g, m)] = total;
      }
    }
}

}  // namespace e2viz
