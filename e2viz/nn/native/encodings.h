// The encodings as the kernel reads them, and what is special about the plane encoding of an equivariant network.
#pragma once

#include <cmath>

#include "products.h"
#include "softmax.h"

namespace e2viz {

// Some channels of a plane encoding as a table of the few different vectors that they hold.
struct Axis {
  Axis(const std::vector<float>& plane, int depth, int first_channel, int channel_count, float tolerance)
      : first(first_channel), channels(channel_count) {
    for (size_t at = first; at < plane.size(); at += depth) {
      const auto same = [&](int i) {
        for (int c = 0; c < channels; ++c)
          if (std::fabs(vectors[i * channels + c] - plane[at + c]) > tolerance) return false;
        return true;
      };
      int i = 0;
      while (i < count && !same(i)) ++i;
      if (i == count) {
        for (int c = 0; c < channels; ++c) vectors.push_back(plane[at + c]);
        ++count;
      }
      index.push_back(i);
    }
  }

  int first, channels, count = 0;
  std::vector<float> vectors;  // [i][channel]
  std::vector<int> index;      // [v][u]: which vector
};

// Channels last: [v][u][channel] and [v][g][m][channel]. The first half of the plane encoding's channels encodes one
// coordinate of the acted offset, the rest the other. On the pixel grid each takes only `window` values, so that
// exp(plane) = exp(row) exp(column) from a few exponentials. Any other encoding takes the general way.
struct Encodings {
  Encodings(const Problem& p, const float* plane_encoding, const float* group_encoding)
      : plane(channels_last(p, plane_encoding)), group(group_encoding),
        row(plane, p.depth_plane, 0, p.depth_plane / 2, tolerance()),
        column(plane, p.depth_plane, p.depth_plane / 2, p.depth_plane - p.depth_plane / 2, tolerance()),
        separable(p.depth_plane > 1 && 2 * (row.count + column.count) <= p.outputs * p.offsets()) {}

  static std::vector<float> channels_last(const Problem& p, const float* encoding) {
    std::vector<float> moved(long(p.outputs) * p.offsets() * p.depth_plane);
    for (int v = 0; v < p.outputs; ++v)
      for (int c = 0; c < p.depth_plane; ++c)
        for (int u = 0; u < p.offsets(); ++u)
          moved[(long(v) * p.offsets() + u) * p.depth_plane + c] = *encoding++;
    return moved;
  }

  // Equal coordinates may come out of a network with other roundings.
  float tolerance() const {
    float largest = 0;
    for (const float x : plane) largest = std::max(largest, std::fabs(x));
    return 3e-7f * largest;
  }

  // Exponentials of the plane part into the tile, from those of its axes.
  E2VIZ_ALONE void exponentials(Tile& t, Planes query, Lane* scratch) const {
    Lane *rows = scratch, *columns = scratch + t.queries * row.count;
    axis_exponentials(row, t, query, rows);
    axis_exponentials(column, t, query, columns);
    const int offsets = t.offsets;
    for (int v = 0; v < t.outputs; ++v) {
      const int *i = row.index.data() + v * offsets, *j = column.index.data() + v * offsets;
      for (int g = 0; g < t.queries; ++g) {
        const Lane *of_row = rows + g * row.count, *of_column = columns + g * column.count;
        Lane* plane = t.plane + t.of_plane(v, g);
        for (int u = 0; u < offsets; ++u) plane[u] = of_row[i[u]] * of_column[j[u]];
      }
    }
  }

  std::vector<float> plane;
  const float* group;
  Axis row, column;
  bool separable;

 private:
  static void axis_exponentials(const Axis& axis, Tile& t, Planes query, Lane* lanes) {
    plane_scores(lanes, query.channels_from(axis.first), t.queries, axis.vectors.data(), axis.channels, 1, axis.count);
    for (int g = 0; g < t.queries; ++g) exponentiate(lanes + g * axis.count, axis.count, t.safe);
  }
};

}  // namespace e2viz
