// Attention dropout without storing a mask: each decision is a hash of (seed, head, pixel, v, g, m, u).
#pragma once

#include "layout.h"

namespace e2viz {

E2VIZ_INLINE uint32_t mixed(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

E2VIZ_INLINE LaneWord mixed(LaneWord x) {
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

// The product of two odd random words, one of (v / 2, g) and one of (m, u), is uniform over the odd words.
// Its upper 16 bits decide for even v, its lower 16 bits for odd v.
class Dropout {
 public:
  Dropout(const Problem& problem)
      : problem_(problem), steps_(int(problem.dropout * 32768.0f + 0.5f)) {}

  bool active() const { return steps_ > 0; }
  float kept_factor() const { return 32768.0f / (32768 - steps_); }
  LaneInt threshold() const { return LaneInt{} + (steps_ * 131072ll - 2147483648ll > 2147483647ll
                                                      ? 2147483647 : int32_t(steps_ * 131072ll - 2147483648ll)); }

  int query_words() const { return (problem_.outputs + 1) / 2 * problem_.queries; }
  int key_words() const { return problem_.keys * problem_.offsets(); }

  // words: [v / 2][g] and then [m][u], for the pixels from `pixel` on of a padded plane.
  void draw(LaneWord* words, int task, long pixel) const {
    LaneWord lane;
    for (int i = 0; i < kLanes; ++i) lane[i] = uint32_t(pixel + i);
    const LaneWord start = mixed(lane + mixed(problem_.seed + mixed(uint32_t(task) + 1)));
    const int count = query_words() + key_words();
    for (int i = 0; i < count; ++i) words[i] = mixed(start + 0x9e3779b9u * uint32_t(i + 1)) | 1;
  }

  // All ones where the attention of (v, g, m, u) is kept.
  static E2VIZ_INLINE LaneInt kept(LaneWord product, bool odd, LaneInt threshold) {
    return (LaneInt)(odd ? product << 16 : product) >= threshold;
  }

 private:
  const Problem& problem_;
  int steps_;
};

}  // namespace e2viz
