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
  // Where images stand side by side in each row, apart by what a window reaches: the width of one of them. Else 0.
  int32_t image_width = 0;

  int offsets() const { return window * window; }
  int depth_group() const { return depth - depth_plane; }
  long pixels() const { return long(height) * width; }
  // Whether the column of a row of images side by side lies between two of them.
  bool between(long column) const { return column % (image_width + window / 2) >= image_width; }
};

// Queries, keys or values: [batch depth head element height width]; or, with weights [depth head input] and a bias,
// the maps [batch input element height width] that they are a 1x1 product of. Mirrored in library.py.
struct Source {
  const float *tensor, *weight, *bias;
  int32_t inputs;
};

struct Inputs {
  Source query, key, value;
};

// Where the result goes: [batch depth head element height width]; or, with weights [channel depth head] and a bias, the
// 1x1 product of it [batch channel element height width]. Mirrored in library.py.
struct Output {
  float* tensor;
  const float *weight, *bias;
  int32_t channels;
};

// Added to the score of an offset outside the plane. Far below any score, far from infinity.
constexpr float kOutside = -1e30f;

// Planes [element, channel], seen from one pack of pixels.
struct Planes {
  float* at;
  int depth;
  long plane;
  const long* offset;  // pointer offset of each window offset
  E2VIZ_INLINE float* operator()(int element, int channel) const {
    return at + (long(element) * depth + channel) * plane;
  }
  Planes channels_from(int channel) const { return {at + channel * plane, depth, plane, offset}; }
  Planes offsets_from(int first) const { return {at, depth, plane, offset + first}; }

  // Of a pack that two rows share: the same with the pixels of each window offset together. places: kept by the caller.
  Planes whole(int planes, int offsets, float* target, std::vector<long>& places) const {
    for (int u = 0; u < offsets; ++u) {
      places.push_back(long(u) * planes * kLanes);
      for (int i = 0; i < planes; ++i)
        store(target + (long(u) * planes + i) * kLanes, load_halves(at + i * plane + offset[u]));
    }
    return {target, depth, kLanes, places.data()};
  }
};

// Whether rows whose last pack is half full share it, two by two. Half a pack and its neighbours must fit into a whole.
inline bool shares_packs(const Problem& p) {
  const int halo = p.window / 2;
  return kLanes >= 8 && halo && 4 * halo <= kLanes && p.width % kLanes == kLanes / 2 && p.height % 2 == 0;
}

// The rows of pixels that one row of windows needs, used in turn; 2 * halo + 1 of them. A row is its packs, each
// with all planes, of each plane the pack's pixels with `halo` neighbours on both sides. So what one window needs is
// a few contiguous pieces that stay in cache, a window offset is a pointer offset, and a pack with its halo lies
// within whole cache lines. Neighbours are stored twice. Shared packs follow, one more than rows: that of row y holds
// the end of row y in its first half and the end of row y + 1 in its second, each with neighbours.
struct Layout {
  Layout(const Problem& problem, int plane_count, int halo_pixels, bool shared)
      : planes(plane_count), halo(halo_pixels), shares(shared),
        packs((problem.width + (shares ? 0 : kLanes - 1)) / kLanes),
        plane(halo ? round_up(kLanes + 2 * halo, kCacheLine) : kLanes), row(packs * planes * plane) {
    for (int center = 0; center < rows(); ++center) add_window(center, &Layout::start_of_row, offset);
    for (int center = 0; shares && center <= rows(); ++center)
      add_window(center, &Layout::start_of_shared, shared_offset);
  }

  static constexpr int kCacheLine = 16;  // floats
  static long round_up(long value, long multiple) { return (value + multiple - 1) / multiple * multiple; }

  int rows() const { return 2 * halo + 1; }
  long size() const { return round_up(start_of_shared(0) + (shares ? (rows() + 1) * planes * plane : 0), kCacheLine); }
  long start_of_row(int y) const { return (y + rows()) % rows() * row; }
  long start_of_shared(int y) const {
    return round_up(rows() * row, kCacheLine) + (y + rows() + 1) % (rows() + 1) * planes * plane;
  }
  long end_of_row() const { return packs + shares; }  // packs that hold some of a row

  // The planes from one pack of row y on, or from the pack that it shares with the next.
  Planes at(float* base, int y, long pack, int depth) const {
    if (pack == packs)
      return {base + halo + (halo ? 0 : start_of_shared(y)), depth, plane,
              shared_offset.data() + y % (rows() + 1) * rows() * rows()};
    return {base + pack * planes * plane + halo, depth, plane, offset.data() + y % rows() * rows() * rows()};
  }

  // body(where its first plane begins, first pixel, how many) of each piece of a row.
  template <class Body>
  E2VIZ_INLINE void for_each_piece(int y, const Body& body) const {
    for (long pack = 0; pack < packs; ++pack)
      body(start_of_row(y) + pack * planes * plane, pack * kLanes - halo, plane);
    if (!shares) return;
    body(start_of_shared(y), packs * kLanes - halo, plane / 2);
    body(start_of_shared(y - 1) + plane / 2, packs * kLanes - halo, plane / 2);
  }

  int planes, halo;
  bool shares;
  long packs, plane, row;
  std::vector<long> offset, shared_offset;  // [row modulo rows][window offset]

 private:
  void add_window(int center, long (Layout::*start)(int) const, std::vector<long>& target) const {
    for (int y = -halo; y <= halo; ++y)
      for (int x = -halo; x <= halo; ++x) target.push_back((this->*start)(center + y) + x);
  }
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
      data_ = static_cast<float*>(std::aligned_alloc(64, (count * 4 + 63) / 64 * 64));
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

}  // namespace e2viz
