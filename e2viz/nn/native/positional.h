// Positional encodings: what a small network makes of one coordinate of the window's acted offsets.
#pragma once

#include "pointwise.h"

namespace e2viz {

// 1 -> hidden -> norm over the hidden ones -> swish -> depth. Mirrored in library.py.
struct CoordinateNetwork {
  const float* coordinates;  // [v][u]
  Affine widen, norm, narrow;
  float epsilon;
  int32_t hidden, depth;

  // target [v][channel][u], of whose channels this network fills its own.
  void encode(int outputs, int offsets, int first_channel, int channels, float* target) const {
    std::vector<Lane> lanes(hidden);
    const float* coordinate = coordinates;
    for (int v = 0; v < outputs; ++v, coordinate += offsets)
      for (int u = 0; u < offsets; u += kLanes) {
        const long count = std::min(kLanes, offsets - u);
        hide(load_some(coordinate + u, count), lanes.data());
        for (int c = 0; c < depth; ++c) {
          Lane sum = fill(narrow.bias[c]);
          for (int i = 0; i < hidden; ++i) sum += narrow.weight[c * hidden + i] * lanes[i];
          store_some(target + (long(v) * channels + first_channel + c) * offsets + u, sum, count);
        }
      }
  }

 private:
  void hide(Lane coordinate, Lane* lanes) const {
    Lane mean = {}, variance = {};
    for (int i = 0; i < hidden; ++i) mean += lanes[i] = coordinate * widen.weight[i] + widen.bias[i];
    mean /= float(hidden);
    for (int i = 0; i < hidden; ++i) variance += (lanes[i] - mean) * (lanes[i] - mean);
    variance = variance / float(hidden) + epsilon;
    Lane scale;
    for (int i = 0; i < kLanes; ++i) scale[i] = 1.0f / std::sqrt(variance[i]);
    for (int i = 0; i < hidden; ++i) lanes[i] = swish((lanes[i] - mean) * scale * norm.weight[i] + norm.bias[i]);
  }
};

// [v][channel][u] of row and column together.
inline void encode_plane(const CoordinateNetwork& row, const CoordinateNetwork& column, int outputs, int offsets,
                         float* target) {
  row.encode(outputs, offsets, 0, row.depth + column.depth, target);
  column.encode(outputs, offsets, row.depth, row.depth + column.depth, target);
}

}  // namespace e2viz
