// The problem, and feature maps as padded planes in which a window offset is a pointer offset.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <new>
#include <vector>

#include "vector.h"

namespace e2viz {

// One attention layer. Lifting is the case of one query element and one key element.
// Mirrored field by field in library.py.
struct Problem {
  int32_t batch, head;
  int32_t outputs, queries, keys;  // how many v, g and m
  int32_t depth, depth_plane;      // the first depth_plane channels of a query meet the plane encoding
  int32_t window, height, width;
  int32_t threads;
  float scale, dropout;
  uint32_t seed;

  int offsets() const { return window * window; }
  int depth_group() const { return depth - depth_plane; }
  long pixels() const { return long(height) * width; }
};

// Added to the score of an offset outside the plane. Far below any score, far from infinity.
constexpr float kOutside = -1e30f;

// Rows are `stride` apart with window / 2 zeros between them, so packs of lanes run across row ends.
struct Layout {
  explicit Layout(const Problem& problem)
      : height(problem.height), width(problem.width), stride(width + problem.window / 2) {
    const int radius = problem.window / 2;
    first = round_up(radius * stride + radius, kLanes);
    packs = (height * stride - radius + kLanes - 1) / kLanes;
    // An odd number of cache lines keeps equal pixels of many planes out of the same cache set.
    plane = (round_up(first + long(packs) * kLanes + radius * stride + radius, 16) / 16 | 1) * 16;
    for (int column = -radius; column <= radius; ++column)
      for (int row = -radius; row <= radius; ++row)
        by_column.push_back((row + radius) * problem.window + column + radius);
    for (int row = -radius; row <= radius; ++row)
      for (int column = -radius; column <= radius; ++column) offset.push_back(long(row) * stride + column);
  }

  static long round_up(long value, long multiple) { return (value + multiple - 1) / multiple * multiple; }

  int height, width;
  long stride, first, packs, plane;
  std::vector<long> offset;    // pointer offset of each window offset
  std::vector<int> by_column;  // window offsets in an order in which neighbours do not overlap in memory
};

// Planes [element, channel], seen from one pack of pixels.
struct Planes {
  float* at;
  int depth;
  long plane;
  E2VIZ_INLINE float* operator()(int element, int channel) const {
    return at + (long(element) * depth + channel) * plane;
  }
  Planes channels_from(int channel) const { return {at + channel * plane, depth, plane}; }
};

// Memory aligned to a cache line that grows and is kept from one call to the next.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { std::free(data_); }

  float* floats(long count) {
    if (count > size_) {
      std::free(data_);
      data_ = static_cast<float*>(std::aligned_alloc(64, Layout::round_up(count * 4, 64)));
      if (!data_) throw std::bad_alloc();
      size_ = count;
    }
    return data_;
  }
  Lane* lanes(long count) { return reinterpret_cast<Lane*>(floats(count * kLanes)); }

 private:
  float* data_ = nullptr;
  long size_ = 0;
};

// One head of a tensor [batch depth head element height width] and its padded copy.
struct HeadMap {
  HeadMap(const Problem& problem, const Layout& layout, int element_count)
      : layout(layout), elements(element_count), depth(problem.depth), heads(problem.head) {}

  long padded_size() const { return long(elements) * depth * layout.plane; }
  long pixels() const { return long(layout.height) * layout.width; }
  long row(int batch, int channel, int head, int element) const {
    return (((long(batch) * depth + channel) * heads + head) * elements + element) * pixels();
  }

  void pack(const float* tensor, int batch, int head, float factor, float* padded) const {
    std::memset(padded, 0, padded_size() * sizeof(float));
    for (int element = 0; element < elements; ++element)
      for (int channel = 0; channel < depth; ++channel) {
        const float* source = tensor + row(batch, channel, head, element);
        float* target = padded + (long(element) * depth + channel) * layout.plane + layout.first;
        for (int y = 0; y < layout.height; ++y, source += layout.width, target += layout.stride)
          for (int x = 0; x < layout.width; ++x) target[x] = source[x] * factor;
      }
  }

  void unpack(const float* padded, int batch, int head, float factor, float* tensor) const {
    for (int element = 0; element < elements; ++element)
      for (int channel = 0; channel < depth; ++channel) {
        const float* source = padded + (long(element) * depth + channel) * layout.plane + layout.first;
        float* target = tensor + row(batch, channel, head, element);
        for (int y = 0; y < layout.height; ++y, source += layout.stride, target += layout.width)
          for (int x = 0; x < layout.width; ++x) target[x] = source[x] * factor;
      }
  }

  const Layout& layout;
  int elements, depth, heads;
};

}  // namespace e2viz
