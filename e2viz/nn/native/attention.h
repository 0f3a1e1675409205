// Forward and backward of one head of one image: score, softmax and value, a pack of pixels at a time.
#pragma once

#include "head_map.h"
#include "joint.h"
#include "output.h"
#include "softmax_gradient.h"

namespace e2viz {

// Scores are kept in units of log 2, so that exp becomes 2^x.
constexpr float kLog2E = 1.44269504f;
constexpr float kLn2 = 0.69314718f;

struct Gradients {
  float *query, *key, *value;
};

// A worker's memory: rows of pixels, one tile, sums over heads. Kept between calls.
struct Workspace {
  Buffer rows, tile, encodings, sums, apart;
};

class Head {
 public:
  // shares: whether rows share their last packs; not for gradients.
  Head(const Problem& problem, const Encodings& encodings, Workspace& workspace, bool shares = false)
      : p_(problem), encodings_(encodings), dropout_(problem),
        tile_(problem, encodings.place.data(), workspace.tile),
        border_(problem, 1, problem.window / 2, shares), queries_(problem, problem.queries, 0, shares),
        keys_(problem, problem.keys, problem.window / 2, shares), outputs_(problem, problem.outputs, 0),
        workspace_(workspace) {
    const long query_size = queries_.layout.size(), key_size = keys_.layout.size();
    float* next = workspace.rows.floats(border_.size() + 3 * query_size + 4 * key_size + outputs_.layout.size());
    const auto take = [&next](long count) { float* taken = next; next += count; return taken; };
    outside_ = take(border_.size());
    query_ = take(query_size);
    exact_query_ = take(query_size);
    query_gradient_ = take(query_size);
    key_ = take(key_size);
    key_gradient_ = take(key_size);
    value_ = take(key_size);
    value_gradient_ = take(key_size);
    output_ = take(outputs_.layout.size());
  }

  // The rows first_row to end_row of a head. Returns how many packs of pixels took the joint softmax.
  long forward(int task, int first_row, int end_row, const Inputs& in, const Output& out) {
    return forward_rows(task, first_row, end_row, in, [&](int y, long) {
      outputs_.write_row(output_, task / p_.head, task % p_.head, y, dropout_.kept_factor(), out.tensor);
    });
  }

  // The same of all heads of an image, through the output's 1x1 product. found: moments of what was written, if wanted.
  long forward_projected(int batch, int first_row, int end_row, const Inputs& in, const Output& out, Moments* found) {
    OutputSums sums(p_, out, first_row, end_row, border_.shares, workspace_.sums);
    long joint = 0;
    for (int head = 0; head < p_.head; ++head) {
      sums.begin(head, dropout_.kept_factor());
      joint += forward_rows(batch * p_.head + head, first_row, end_row, in, [&](int y, long packs) {
        for (long pack = 0; pack < packs; ++pack) sums.add(y, pack, outputs_.planes(output_, y, pack));
      });
    }
    sums.write(batch, found);
    return joint;
  }

  // The encodings' gradients of this head are written to plane [v][u][channel] and group [v][g][m][channel].
  long backward(int task, const Inputs& in, const float* out_gradient, const Gradients& gradients,
                float* plane_partial, float* group_partial) {
    const int batch = task / p_.head, head = task % p_.head, radius = p_.window / 2;
    const long plane_size = long(p_.outputs) * p_.offsets() * p_.depth_plane;
    const long group_size = long(p_.outputs) * p_.queries * p_.keys * p_.depth_group();
    Lane* plane_lanes = workspace_.encodings.lanes(plane_size + group_size);
    Lane* group_lanes = plane_lanes + plane_size;
    std::fill_n(plane_lanes, plane_size + group_size, Lane{});
    long joint = 0;
    exact_row_ = -1;
    for (int y = -radius; y < radius; ++y) {
      read_keys(batch, head, y, in);
      clear_key_gradients(y);
    }
    for (int y = 0; y < p_.height; ++y) {
      read_keys(batch, head, y + radius, in);
      clear_key_gradients(y + radius);
      queries_.read_row(in.query, batch, head, y, p_.scale * kLog2E, query_);
      outputs_.read_row({.tensor = out_gradient}, batch, head, y, dropout_.kept_factor(), output_);
      for (long pack = 0; pack < border_.packs; ++pack)
        joint += backward_of_pack(in, task, y, pack, plane_lanes, group_lanes);
      queries_.write_row(query_gradient_, batch, head, y, p_.scale, gradients.query);
      write_key_gradients(batch, head, y - radius, gradients);
    }
    for (int y = p_.height - radius; y < p_.height; ++y) write_key_gradients(batch, head, y, gradients);
    for (long i = 0; i < plane_size; ++i) plane_partial[i] = sum_of_lanes(plane_lanes[i]) * kLn2;
    for (long i = 0; i < group_size; ++i) group_partial[i] = sum_of_lanes(group_lanes[i]) * kLn2;
    return joint;
  }

  // 1 where attention is kept, for [v g height width m u] of one head.
  void mask(int task, float* out) {
    for (int y = 0; y < p_.height; ++y)
      for (int x = 0; x < p_.width; ++x) {
        draw(task, y, x);
        for (int v = 0; v < p_.outputs; ++v)
          for (int g = 0; g < p_.queries; ++g)
            for (int m = 0; m < p_.keys; ++m)
              for (int u = 0; u < p_.offsets(); ++u) {
                const long pixel = ((long(v) * p_.queries + g) * p_.height + y) * p_.width + x;
                out[(pixel * p_.keys + m) * p_.offsets() + u] =
                    Dropout::kept(tile_.word(v, g, m, u), v % 2, tile_.threshold)[0] ? 1.0f : 0.0f;
              }
      }
  }

 private:
  template <class Body>
  long forward_rows(int task, int first_row, int end_row, const Inputs& in, const Body& finished) {
    const int batch = task / p_.head, head = task % p_.head, radius = p_.window / 2;
    long joint = 0;
    exact_row_ = -1;
    for (int y = first_row - radius; y < first_row + radius; ++y) read_keys(batch, head, y, in);
    for (int y = first_row; y < end_row; ++y) {
      read_keys(batch, head, y + radius, in);
      queries_.read_row(in.query, batch, head, y, p_.scale * kLog2E, query_);
      long packs = 0;
      while (packs < border_.packs) joint += forward_of_pack(in, task, y, packs++);
      if (border_.shares && y % 2) joint += forward_of_pack(in, task, y - 1, packs++);
      finished(y, packs);
    }
    return joint;
  }

  void read_keys(int batch, int head, int y, const Inputs& in) {
    keys_.read_row(in.key, batch, head, y, 1.0f, key_);
    keys_.read_row(in.value, batch, head, y, 1.0f, value_);
    border_.for_each_piece(y, [&](long start, long first_pixel, long count) {
      std::fill_n(outside_ + start, count, kOutside);
      if (y < 0 || y >= p_.height) return;
      const long first = std::max(0l, -first_pixel), end = std::min(count, p_.width - first_pixel);
      if (first < end) std::fill_n(outside_ + start + first, end - first, 0.0f);
      for (long i = first; p_.image_width && i < end; ++i)
        if (p_.between(first_pixel + i)) outside_[start + i] = kOutside;
    });
  }

  void clear_key_gradients(int y) {
    keys_.clear_row(y, key_gradient_);
    keys_.clear_row(y, value_gradient_);
  }

  void write_key_gradients(int batch, int head, int y, const Gradients& gradients) {
    keys_.write_row(key_gradient_, batch, head, y, kLn2, gradients.key);
    keys_.write_row(value_gradient_, batch, head, y, 1.0f, gradients.value);
  }

  void draw(int task, int y, long x) {
    if (dropout_.active()) dropout_.draw(tile_.query_words, task, long(y) * p_.width + x);
  }

  // Leaves the exponentials of the parts in the tile, or returns false and leaves the joint scores.
  bool softmax(const Inputs& in, int task, int y, long pack) {
    const Planes query = queries_.planes(query_, y, pack), key = keys_.planes(key_, y, pack);
    const Planes outside = border_.at(outside_, y, pack, 1);
    const bool shared = pack == border_.packs;
    tile_.safe = LaneInt{} - 1;
    const auto scores = shared ? window_scores<true> : window_scores<false>;
    const Planes borders = outside.offsets_from(first_offset_);
    scores(tile_.content, query, p_.queries, key.offsets_from(first_offset_), p_.keys, tile_.offsets, &borders);
    encodings_.plane_exponentials(tile_, query, tile_.plane_gradient);
    encodings_.group_exponentials(tile_, query.channels_from(p_.depth_plane), tile_.shift);
    if (factorise(tile_)) return true;
    take_all_offsets();
    const auto read_exact = [&](int row) {
      if (exact_row_ != row) queries_.read_row(in.query, task / p_.head, task % p_.head, row, 1.0f, exact_query_);
      exact_row_ = row;
    };
    read_exact(y);
    const Planes exact_query = queries_.planes(exact_query_, y, pack);
    if (!shared) return joint_.compute(p_, encodings_, exact_query, key, outside), false;
    read_exact(y + 1);
    const long key_size = long(keys_.layout.planes) * p_.offsets() * kLanes;
    float* whole = workspace_.apart.floats(key_size + p_.offsets() * kLanes);
    std::vector<long> of_key, of_outside;
    joint_.compute(p_, encodings_, exact_query, key.whole(keys_.layout.planes, p_.offsets(), whole, of_key),
                   outside.whole(1, p_.offsets(), whole + key_size, of_outside));
    return false;
  }

  void take_all_offsets() {
    first_offset_ = 0;
    tile_.take_all_offsets();
  }

  // Of a pack's windows, the rows that lie in the plane; the rest has no weight. Dropout's words are of whole windows.
  void take_offsets_within(int y, int end_y) {
    if (dropout_.active()) return;
    const int radius = p_.window / 2, first = std::max(0, radius - (end_y - 1));
    const int end = std::min(p_.window, radius + p_.height - y);
    first_offset_ = first * p_.window;
    tile_.take_offsets(first_offset_, (end - first) * p_.window);
  }

  bool forward_of_pack(const Inputs& in, int task, int y, long pack) {
    draw(task, y, pack * kLanes);
    take_offsets_within(y, y + 1 + (pack == border_.packs));
    const bool factorised = softmax(in, task, y, pack);
    const bool in_place = factorised && p_.outputs == 4 && p_.queries == 4 && !dropout_.active();
    if (in_place)
      factorised_weights_in_place(tile_);
    else if (dropout_.active())
      factorised ? factorised_weights<true>(tile_) : joint_weights<true>(tile_, joint_);
    else
      factorised ? factorised_weights<false>(tile_) : joint_weights<false>(tile_, joint_);
    const auto sum = pack == border_.packs ? window_sum<true> : window_sum<false>;
    sum(outputs_.planes(output_, y, pack), in_place ? tile_.content : tile_.weights, p_.outputs,
        keys_.planes(value_, y, pack).offsets_from(first_offset_), p_.keys, tile_.offsets);
    return !factorised;
  }

  bool backward_of_pack(const Inputs& in, int task, int y, long pack, Lane* plane_lanes, Lane* group_lanes) {
    const Planes query = queries_.planes(query_, y, pack), query_gradient = queries_.planes(query_gradient_, y, pack);
    const Planes key = keys_.planes(key_, y, pack), value = keys_.planes(value_, y, pack);
    const Planes out_gradient = outputs_.planes(output_, y, pack);
    draw(task, y, pack * kLanes);
    take_offsets_within(y, y + 1);
    const bool factorised = softmax(in, task, y, pack);
    const int offsets = tile_.offsets;
    window_scores<false>(tile_.weights_gradient, out_gradient, p_.outputs, value.offsets_from(first_offset_), p_.keys,
                         offsets, nullptr);
    if (dropout_.active())
      factorised ? factorised_gradient<true>(tile_) : joint_gradient<true>(tile_, joint_);
    else
      factorised ? factorised_gradient<false>(tile_) : joint_gradient<false>(tile_, joint_);
    window_scatter(keys_.planes(value_gradient_, y, pack).offsets_from(first_offset_), p_.keys, tile_.weights,
                   p_.outputs, out_gradient, offsets);
    window_scatter(keys_.planes(key_gradient_, y, pack).offsets_from(first_offset_), p_.keys, tile_.content_gradient,
                   p_.queries, query, offsets);
    window_sum<false>(query_gradient, tile_.content_gradient, p_.queries, key.offsets_from(first_offset_), p_.keys,
                      offsets);
    const long first = long(first_offset_) * p_.depth_plane, step = long(p_.offsets()) * p_.depth_plane;
    plane_query_gradient(query_gradient, p_.queries, tile_.plane_gradient, encodings_.plane.data() + first, step,
                         p_.depth_plane, p_.outputs, offsets);
    plane_encoding_gradient(plane_lanes + first, step, tile_.plane_gradient, query, p_.queries, p_.depth_plane,
                            p_.outputs, offsets);
    group_gradients(query_gradient.channels_from(p_.depth_plane), group_lanes, tile_.group_gradient,
                    query.channels_from(p_.depth_plane), p_.queries, encodings_.group.data(), p_.depth_group(),
                    p_.outputs, p_.keys);
    return !factorised;
  }

  const Problem& p_;
  const Encodings& encodings_;
  const Dropout dropout_;
  Tile tile_;
  const Layout border_;
  HeadMap queries_, keys_, outputs_;
  JointScores joint_;
  int first_offset_ = 0;  // of those that the tile takes
  int exact_row_ = -1;  // which row exact_query_ holds, not scaled
  Workspace& workspace_;
  float *outside_, *query_, *exact_query_, *query_gradient_, *key_, *key_gradient_, *value_, *value_gradient_, *output_;
};

inline Workspace& workspace() {
  static thread_local Workspace kept;
  return kept;
}

}  // namespace e2viz
