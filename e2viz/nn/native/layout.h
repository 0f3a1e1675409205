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

// One head of a tensor [batch depth head element height width], row by row in and out of a layout.
class HeadMap {
 public:
  HeadMap(const Problem& problem, int elements, int halo, bool shares = false)
      : layout(problem, elements * problem.depth, halo, shares), depth_(problem.depth), heads_(problem.head),
        elements_(elements), height_(problem.height), width_(problem.width),
        line_(layout.end_of_row() * kLanes + layout.plane), lines_(layout.planes * line_) {
    for (int i = 0; i < kLanes; ++i) inside_[i] = (layout.end_of_row() - 1) * kLanes + i < width_ ? -1 : 0;
  }

  Planes planes(float* rows, int y, long pack) const { return layout.at(rows, y, pack, depth_); }

  // A row outside the plane is zero.
  void read_row(const Source& source, int batch, int head, int y, float factor, float* rows) {
    if (y < 0 || y >= height_) return clear_row(y, rows);
    source.weight ? project_lines(source, batch, head, y, factor) : copy_lines(source.tensor, batch, head, y, factor);
    layout.for_each_piece(y, [&](long start, long first_pixel, long count) {
      const float* line = lines_.data() + first_pixel + layout.halo;
      float* piece = rows + start;
      for (int plane = 0; plane < layout.planes; ++plane, line += line_, piece += layout.plane) {
        for (long x = 0; x + kLanes <= count; x += kLanes) store(piece + x, keep_in_register(load(line + x)));
        if (count < kLanes) std::memcpy(piece, line, kLanes / 2 * sizeof(float));
      }
    });
  }

  void clear_row(int y, float* rows) const {
    layout.for_each_piece(y, [&](long start, long, long count) {
      float* piece = rows + start;
      for (int plane = 0; plane < layout.planes; ++plane, piece += layout.plane) std::fill_n(piece, count, 0.0f);
    });
  }

  // Adds up what the packs hold for the same pixel. Not of shared packs.
  void write_row(float* rows, int batch, int head, int y, float factor, float* tensor) {
    if (y < 0 || y >= height_) return;
    if (layout.halo) std::fill(lines_.begin(), lines_.end(), 0.0f);
    for_each_chunk(y, rows, [this](float* chunk, float* line) {
      store(line, layout.halo ? load(line) + load(chunk) : load(chunk));
    });
    for_each_line(batch, head, y, [&](long first, float* line) {
      copy_scaled(tensor + first, line + layout.halo, width_, factor);
    });
    if (layout.halo) std::fill(lines_.begin(), lines_.end(), 0.0f);  // read_row needs zeros beside the plane
  }

  const Layout layout;

 private:
  void copy_lines(const float* tensor, int batch, int head, int y, float factor) {
    for_each_line(batch, head, y, [&](long first, float* line) {
      copy_scaled(line + layout.halo, tensor + first, width_, factor);
      if (y + 1 < height_)
        for (int x = 0; x < width_; x += Layout::kCacheLine) __builtin_prefetch(tensor + first + width_ + x);
    });
  }

  E2VIZ_ALONE void project_lines(const Source& source, int batch, int head, int y, float factor) {
    const long plane = long(height_) * width_, packs = layout.end_of_row(), padded = packs * kLanes, line = line_;
    const bool within = y * long(width_) + padded <= plane;  // whole packs can be loaded from where the row is
    const long step = within ? elements_ * plane : padded;
    const int inputs = source.inputs, heads = heads_;
    const LaneInt everywhere = LaneInt{} - 1, inside = inside_;
    for (int element = 0; element < elements_; ++element) {
      const float* rows = source.tensor + (long(batch) * inputs * elements_ + element) * plane + y * width_;
      if (!within) rows = copy_inputs(rows, inputs, elements_ * plane, padded);
      float* const lines = lines_.data() + long(element) * depth_ * line + layout.halo;
      for_blocks<2>(packs, [&]<int X>(Block<X>, int x0) {
        const LaneInt last = x0 + X == packs ? inside : everywhere;
        for_blocks<10 / X>(depth_, [&]<int C>(Block<C>, int c0) {
          const float *weight[C], *input = rows + x0 * kLanes;
          Lane sum[C][X];
#pragma GCC unroll 16
          for (int c = 0; c < C; ++c) {
            const long row = long(c0 + c) * heads + head;
            weight[c] = source.weight + row * inputs;
#pragma GCC unroll 16
            for (int x = 0; x < X; ++x) sum[c][x] = fill(source.bias[row]);
          }
          for (int i = 0; i < inputs; ++i, input += step) {
            Lane lane[X];
#pragma GCC unroll 16
            for (int x = 0; x < X; ++x) lane[x] = keep_in_register(load(input + x * kLanes));
#pragma GCC unroll 16
            for (int c = 0; c < C; ++c) {
              const Lane factor = keep_in_register(fill(weight[c][i]));
#pragma GCC unroll 16
              for (int x = 0; x < X; ++x) sum[c][x] += factor * lane[x];
            }
          }
          float* target = lines + c0 * line + x0 * kLanes;
#pragma GCC unroll 16
          for (int c = 0; c < C; ++c, target += line)
#pragma GCC unroll 16
            for (int x = 0; x < X; ++x)
              store(target + x * kLanes, masked(sum[c][x] * factor, x + 1 < X ? everywhere : last));
        });
      });
    }
  }

  // One row of each input, padded to whole packs.
  const float* copy_inputs(const float* source, int inputs, long step, long padded) {
    inputs_.resize(inputs * padded);
    for (int i = 0; i < inputs; ++i) copy_scaled(inputs_.data() + i * padded, source + i * step, width_, 1.0f);
    return inputs_.data();
  }

  // The tensor is depth first, the planes are element first. All planes go through a buffer of lines, so that a line
  // is read long after it was written: the processor stalls on reading across two writes that are still under way.
  template <class Body>
  E2VIZ_INLINE void for_each_line(int batch, int head, int y, const Body& body) {
    float* line = lines_.data();
    for (int element = 0; element < elements_; ++element)
      for (int channel = 0; channel < depth_; ++channel, line += line_) {
        const long plane = ((long(batch) * depth_ + channel) * heads_ + head) * elements_ + element;
        body((plane * height_ + y) * width_, line);
      }
  }

  template <class Body>
  E2VIZ_INLINE void for_each_chunk(int y, float* rows, const Body& body) {
    float* chunk = rows + layout.start_of_row(y);
    for (long pack = 0; pack < layout.packs; ++pack) {
      float* line = lines_.data() + pack * kLanes;
      for (int plane = 0; plane < layout.planes; ++plane, line += line_)
        for (long x = 0; x < layout.plane; x += kLanes, chunk += kLanes) body(chunk, line + x);
    }
  }

  int depth_, heads_, elements_, height_, width_;
  LaneInt inside_;  // all ones in the lanes of a row's last pack that lie within the plane
  long line_;       // floats of one line: a row of pixels with its halo, up to the end of the last pack
  std::vector<float> lines_, inputs_;
};

}  // namespace e2viz
