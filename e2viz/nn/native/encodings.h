// The encodings as the kernel reads them, and what is special about the plane encoding of an equivariant network.
#pragma once

#include <cmath>

#include "products.h"
#include "softmax.h"

namespace e2viz {

// Some channels of an encoding as a table of the few different vectors that they hold.
struct Distinct {
  Distinct(const float* encoding, long rows, int depth, int first_channel, int channel_count)
      : first(first_channel), channels(channel_count) {
    float largest = 0;
    for (long i = 0; i < rows * depth; ++i) largest = std::max(largest, std::fabs(encoding[i]));
    const float tolerance = 3e-7f * largest;  // equal coordinates may come out of a network with other roundings
    for (long row = 0; row < rows; ++row) {
      const float* vector = encoding + row * depth + first;
      const auto same = [&](int i) {
        for (int c = 0; c < channels; ++c)
          if (std::fabs(vectors[i * channels + c] - vector[c]) > tolerance) return false;
        return true;
      };
      int i = 0;
      while (i < count && !same(i)) ++i;
      if (i == count) {
        vectors.insert(vectors.end(), vector, vector + channels);
        ++count;
      }
      index.push_back(i);
    }
  }

  int first, channels, count = 0;
  std::vector<float> vectors;  // [i][channel]
  std::vector<int> index;      // [row]: which vector
};

// Channels last: [v][u][channel] and [v][g][m][channel]. The actions of an equivariant network permute the same few
// vectors for every v, so that few exponentials are taken. The first half of the plane encoding's channels encodes
// one coordinate of the acted offset, the rest the other; on the pixel grid each takes only `window` values, and
// exp(plane) = exp(row) exp(column) from fewer still. Encodings that repeat nothing are only slower.
struct Encodings {
  Encodings(const Problem& p, const float* plane_encoding, const float* group_encoding)
      : Encodings(p, plane_encoding, std::vector<float>(group_encoding, group_encoding + group_size(p))) {}

  Encodings(const Problem& p, const float* plane_encoding, std::vector<float> group_encoding)
      : plane(channels_last(p, plane_encoding)), group(std::move(group_encoding)),
        offsets(plane.data(), long(p.outputs) * p.offsets(), p.depth_plane, 0, p.depth_plane),
        row(plane.data(), long(p.outputs) * p.offsets(), p.depth_plane, 0, p.depth_plane / 2),
        column(plane.data(), long(p.outputs) * p.offsets(), p.depth_plane, p.depth_plane / 2,
               p.depth_plane - p.depth_plane / 2),
        elements(group.data(), long(p.outputs) * p.queries * p.keys, p.depth_group(), 0, p.depth_group()),
        separable(p.depth_plane > 1 && row.count + column.count <= offsets.count / 2),
        few_elements(elements.count <= p.outputs * p.keys / 2), row_of(offsets.count), column_of(offsets.count) {
    for (int u = 0; u < p.offsets(); ++u)
      for (int v = 0; v < p.outputs; ++v) {
        const int i = v * p.offsets() + u;
        place.push_back(long(offsets.index[i]) * p.queries * kLanes);
        row_of[offsets.index[i]] = row.index[i];
        column_of[offsets.index[i]] = column.index[i];
      }
  }

  static long group_size(const Problem& p) { return long(p.outputs) * p.queries * p.keys * p.depth_group(); }

  static std::vector<float> channels_last(const Problem& p, const float* encoding) {
    std::vector<float> moved(long(p.outputs) * p.offsets() * p.depth_plane);
    for (int v = 0; v < p.outputs; ++v)
      for (int c = 0; c < p.depth_plane; ++c)
        for (int u = 0; u < p.offsets(); ++u)
          moved[(long(v) * p.offsets() + u) * p.depth_plane + c] = *encoding++;
    return moved;
  }

  // Exponentials of the plane part into the tile.
  E2VIZ_ALONE void plane_exponentials(Tile& t, Planes query, Lane* scratch) const {
    if (!separable) return exponentials(offsets, t, query, t.plane);
    Lane *rows = scratch, *columns = scratch + t.queries * row.count;
    exponentials(row, t, query, rows);
    exponentials(column, t, query, columns);
    Lane* plane = t.plane;
    for (int k = 0; k < offsets.count; ++k) {
      const Lane *of_row = rows + row_of[k] * t.queries, *of_column = columns + column_of[k] * t.queries;
      for_blocks<4>(t.queries, [&]<int G>(Block<G>, int g0) {
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) *plane++ = of_row[g0 + g] * of_column[g0 + g];
      });
    }
  }

  // Exponentials of the group part into the tile, from the query's channels of the group.
  E2VIZ_ALONE void group_exponentials(Tile& t, Planes query, Lane* scratch) const {
    if (few_elements) {
      exponentials(elements, t, query, scratch);
      const int* index = elements.index.data();
      Lane* group = t.group;
      for (int v = 0; v < t.outputs; ++v)
        for (int g = 0; g < t.queries; ++g)
          for (int m = 0; m < t.keys; ++m) *group++ = scratch[*index++ * t.queries + g];
      return;
    }
    group_scores(t.group, query, t.queries, group.data(), elements.channels, t.outputs, t.keys);
    for (int i = 0; i < t.outputs * t.queries; ++i) exponentiate(t.group + i * t.keys, 1, t.keys, t.safe);
  }

  std::vector<float> plane, group;
  Distinct offsets, row, column, elements;
  bool separable, few_elements;
  std::vector<long> place;             // [u][v]: where in the tile the plane part begins, in floats
  std::vector<int> row_of, column_of;  // of each different offset

 private:
  // [i][g], each less the largest of its g.
  static void exponentials(const Distinct& encoding, Tile& t, Planes query, Lane* lanes) {
    plane_scores(lanes, query.channels_from(encoding.first), t.queries, encoding.vectors.data(), encoding.channels,
                 encoding.count);
    exponentiate(lanes, t.queries, encoding.count, t.safe);
  }
};

}  // namespace e2viz
