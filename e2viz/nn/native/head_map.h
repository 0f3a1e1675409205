// What moves the rows of a head between tensors and layouts.
#pragma once

#include "layout.h"

namespace e2viz {

// One head of a tensor [batch depth head element height width], row by row in and out of a layout.
class HeadMap {
 public:
  HeadMap(const Problem& problem, int elements, int halo, bool shares = false)
      : layout(problem, elements * problem.depth, halo, shares), depth_(problem.depth), heads_(problem.head),
        batches_(problem.batch), elements_(elements), height_(problem.height), width_(problem.width),
        line_(layout.end_of_row() * kLanes + layout.plane), lines_(layout.planes * line_) {
    for (int i = 0; i < kLanes; ++i) inside_[i] = (layout.end_of_row() - 1) * kLanes + i < width_ ? -1 : 0;
    for (long pack = 0; pack < layout.packs; ++pack)
      for (long x = 0; x < layout.plane; x += kLanes) {
        LaneInt inside;
        for (int i = 0; i < kLanes; ++i) {
          const long pixel = pack * kLanes - layout.halo + x + i;
          inside[i] = pixel >= 0 && pixel < width_ ? -1 : 0;
        }
        within_.push_back(inside);
      }
  }

  Planes planes(float* rows, int y, long pack) const { return layout.at(rows, y, pack, depth_); }

  // A row outside the plane is zero.
  void read_row(const Source& source, int batch, int head, int y, float factor, float* rows) {
    if (y < 0 || y >= height_) return clear_row(y, rows);
    if (!source.weight && !layout.shares && holds_packs(batch, head, y))
      return copy_packs(source.tensor, batch, head, y, factor, rows);
    source.weight ? project_lines(source, batch, head, y, factor) : copy_lines(source.tensor, batch, head, y, factor);
    layout.for_each_piece(y, [&](long start, long first_pixel, long count) {
      const float* line = lines_.data() + first_pixel + layout.halo;
      float* piece = rows + start;
      const long planes = layout.planes, next = layout.plane, step = line_;
      if (count == 2 * kLanes) {
        for (long plane = 0; plane < planes; ++plane, line += step, piece += next) {
          store(piece, keep_in_register(load(line)));
          store(piece + kLanes, keep_in_register(load(line + kLanes)));
        }
        return;
      }
      for (long plane = 0; plane < planes; ++plane, line += step, piece += next) {
        for (long x = 0; x + kLanes <= count; x += kLanes) store(piece + x, keep_in_register(load(line + x)));
        if (count < kLanes) std::memcpy(piece, line, kLanes / 2 * sizeof(float));
      }
    });
  }

  void clear_row(int y, float* rows) const {
    if (!layout.shares) {
      std::fill_n(rows + layout.start_of_row(y), layout.row, 0.0f);
      return;
    }
    layout.for_each_piece(y, [&](long start, long, long count) {
      float* piece = rows + start;
      for (int plane = 0; plane < layout.planes; ++plane, piece += layout.plane) std::fill_n(piece, count, 0.0f);
    });
  }

  // Adds up what the packs hold for the same pixel. Not of shared packs.
  void write_row(const float* rows, int batch, int head, int y, float factor, float* tensor) {
    if (y < 0 || y >= height_) return;
    if (2 * layout.halo <= kLanes && layout.plane <= 2 * kLanes)
      return write_packs(rows + layout.start_of_row(y), batch, head, y, factor, tensor);
    sums_.resize(lines_.size());
    add_packs(rows + layout.start_of_row(y));
    for_each_line(batch, head, y, sums_.data(), [&](long first, const float* line) {
      copy_scaled(tensor + first, line + layout.halo, width_, factor);
    });
  }

  const Layout layout;

 private:
  // Whether the tensor also holds what a row's packs take beside the row, of its first plane and of its last.
  bool holds_packs(int batch, int head, int y) const {
    const long plane = long(height_) * width_, row = long(y) * width_ - layout.halo;
    const long planes = long(batches_) * depth_ * heads_ * elements_;
    const long first = (long(batch) * depth_ * heads_ + head) * elements_;
    const long last = first + (depth_ - 1l) * heads_ * elements_ + elements_ - 1;
    const long reach = (layout.packs - 1) * kLanes + layout.plane;
    return first * plane + row >= 0 && last * plane + row + reach <= planes * plane;
  }

  // From the tensor to the packs; zero beside the plane.
  void copy_packs(const float* tensor, int batch, int head, int y, float factor, float* rows) const {
    const long plane = long(height_) * width_, step = long(heads_) * elements_ * plane, size = layout.plane;
    const float* first = tensor + (long(batch) * depth_ * heads_ + head) * elements_ * plane + long(y) * width_;
    float* target = rows + layout.start_of_row(y);
    for (long pack = 0; pack < layout.packs; ++pack)
      for (int element = 0; element < elements_; ++element) {
        const float* source = first + element * plane + pack * kLanes - layout.halo;
        for (int channel = 0; channel < depth_; ++channel, source += step, target += size)
          for (long x = 0; x < size; x += kLanes)
            store(target + x, masked(load(source + x) * factor, within_[(pack * size + x) / kLanes]));
      }
    if (y + 1 < height_)
      for (int element = 0; element < elements_; ++element)
        for (int channel = 0; channel < depth_; ++channel) {
          const float* next = first + element * plane + channel * step + width_;
          for (int x = 0; x < width_; x += Layout::kCacheLine) __builtin_prefetch(next + x);
        }
  }

  // From the packs to the tensor, with what neighbouring packs hold of a pack's pixels.
  void write_packs(const float* rows, int batch, int head, int y, float factor, float* tensor) const {
    const long plane = long(height_) * width_, step = long(heads_) * elements_ * plane, size = layout.plane;
    const long halo = layout.halo, next = layout.planes * size;
    LaneInt low, high;
    for (int i = 0; i < kLanes; ++i) low[i] = i < halo ? -1 : 0, high[i] = i >= kLanes - halo ? -1 : 0;
    float* first = tensor + (long(batch) * depth_ * heads_ + head) * elements_ * plane + long(y) * width_;
    for (long pack = 0; pack < layout.packs; ++pack) {
      const long count = std::min(long(kLanes), width_ - pack * kLanes);
      const bool begins = pack == 0, ends = pack + 1 == layout.packs;
      const LaneInt before = begins ? LaneInt{} : low, after = ends ? LaneInt{} : high;
      const long left = begins ? 0 : kLanes - next, right = ends ? 0 : next - kLanes;
      const float* source = rows + pack * next + halo;
      for (int element = 0; element < elements_; ++element) {
        float* target = first + element * plane + pack * kLanes;
        for (int channel = 0; channel < depth_; ++channel, source += size, target += step) {
          Lane sum = load(source);
          if (halo) sum += masked(load(source + left), before) + masked(load(source + right), after);
          sum *= factor;
          if (count == kLanes)
            store(target, sum);
          else if (count == kLanes / 2)
            std::memcpy(target, &sum, kLanes / 2 * sizeof(float));
          else
            store_some(target, sum, count);
        }
      }
    }
  }

  void copy_lines(const float* tensor, int batch, int head, int y, float factor) {
    for_each_line(batch, head, y, lines_.data(), [&](long first, float* line) {
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
  E2VIZ_INLINE void for_each_line(int batch, int head, int y, float* line, const Body& body) const {
    for (int element = 0; element < elements_; ++element)
      for (int channel = 0; channel < depth_; ++channel, line += line_) {
        const long plane = ((long(batch) * depth_ + channel) * heads_ + head) * elements_ + element;
        body((plane * height_ + y) * width_, line);
      }
  }

  // The packs of a row into lines. What a pack shares with the one before is added to what that one left.
  void add_packs(const float* pack) {
    const long planes = layout.planes, plane = layout.plane, step = line_;
    for (long i = 0; i < layout.packs; ++i) {
      float* line = sums_.data() + i * kLanes;
      const long shared = i ? plane - kLanes : 0;
      for (long k = 0; k < planes; ++k, line += step, pack += plane) {
        for (long x = 0; x < shared; x += kLanes) store(line + x, load(line + x) + load(pack + x));
        for (long x = shared; x < plane; x += kLanes) store(line + x, keep_in_register(load(pack + x)));
      }
    }
  }

  int depth_, heads_, batches_, elements_, height_, width_;
  std::vector<LaneInt> within_;  // [pack][vector of its planes]: all ones in the lanes within the plane
  LaneInt inside_;  // all ones in the lanes of a row's last pack that lie within the plane
  long line_;       // floats of one line: a row of pixels with its halo, up to the end of the last pack
  // Rows that are read, zero beside the plane; rows that are written.
  std::vector<float> lines_, sums_, inputs_;
};

}  // namespace e2viz
