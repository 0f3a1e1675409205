// Forward and backward of one head of one image: score, softmax and value, a pack of pixels at a time.
#pragma once

#include "products.h"
#include "softmax.h"

namespace e2viz {

// Scores are kept in units of log 2, so that exp becomes 2^x.
constexpr float kLog2E = 1.44269504f;
constexpr float kLn2 = 0.69314718f;

// Encodings with their channels last: [v][u][channel] and [v][g][m][channel].
struct Encodings {
  Encodings(const Problem& p, const float* plane_encoding, const float* group_encoding)
      : plane(long(p.outputs) * p.offsets() * p.depth_plane), group(group_encoding) {
    for (int v = 0; v < p.outputs; ++v)
      for (int c = 0; c < p.depth_plane; ++c)
        for (int u = 0; u < p.offsets(); ++u)
          plane[(long(v) * p.offsets() + u) * p.depth_plane + c] = *plane_encoding++;
  }
  std::vector<float> plane;
  const float* group;
};

struct Inputs {
  const float *query, *key, *value;
};

struct Gradients {
  float *query, *key, *value;
};

// A worker's memory: padded planes and one tile. Kept between calls.
struct Workspace {
  Buffer planes, tile, encodings;
};

class Head {
 public:
  Head(const Problem& problem, const Layout& layout, const Encodings& encodings, Workspace& workspace)
      : p_(problem), layout_(layout), encodings_(encodings), dropout_(problem), tile_(problem, workspace.tile),
        queries_(problem, layout, problem.queries), keys_(problem, layout, problem.keys),
        outputs_(problem, layout, problem.outputs), workspace_(workspace) {
    float* next = workspace.planes.floats(
        layout.plane + 2 * queries_.padded_size() + 4 * keys_.padded_size() + outputs_.padded_size());
    const auto take = [&next](long count) { float* taken = next; next += count; return taken; };
    outside_ = take(layout.plane);
    query_ = take(queries_.padded_size());
    query_gradient_ = take(queries_.padded_size());
    key_ = take(keys_.padded_size());
    key_gradient_ = take(keys_.padded_size());
    value_ = take(keys_.padded_size());
    value_gradient_ = take(keys_.padded_size());
    output_ = take(outputs_.padded_size());
    std::fill_n(outside_, layout.plane, kOutside);
    for (int y = 0; y < layout.height; ++y)
      std::fill_n(outside_ + layout.first + y * layout.stride, layout.width, 0.0f);
  }

  // Returns how many packs of pixels took the joint softmax.
  long forward(int task, const Inputs& in, float* out) {
    const int batch = task / p_.head, head = task % p_.head;
    read(batch, head, in);
    long joint = 0;
    for (long pack = 0; pack < layout_.packs; ++pack) {
      const long pixel = layout_.first + pack * kLanes;
      draw(task, pixel);
      scores(pixel);
      const bool factorised = factorise(tile_);
      if (!factorised) scores(pixel), ++joint;
      if (dropout_.active())
        factorised ? factorised_weights<true>(tile_) : joint_weights<true>(tile_);
      else
        factorised ? factorised_weights<false>(tile_) : joint_weights<false>(tile_);
      window_sum(planes(output_, pixel), tile_.weights, p_.outputs, planes(value_, pixel), p_.keys, layout_);
    }
    outputs_.unpack(output_, batch, head, dropout_.kept_factor(), out);
    return joint;
  }

  // The encodings' gradients of this head are written to plane [v][u][channel] and group [v][g][m][channel].
  long backward(int task, const Inputs& in, const float* out_gradient, const Gradients& gradients,
                float* plane_partial, float* group_partial) {
    const int batch = task / p_.head, head = task % p_.head;
    read(batch, head, in);
    outputs_.pack(out_gradient, batch, head, dropout_.kept_factor(), output_);
    std::memset(key_gradient_, 0, keys_.padded_size() * sizeof(float));
    std::memset(value_gradient_, 0, keys_.padded_size() * sizeof(float));
    const long plane_size = long(p_.outputs) * p_.offsets() * p_.depth_plane;
    const long group_size = long(p_.outputs) * p_.queries * p_.keys * p_.depth_group();
    Lane* plane_lanes = workspace_.encodings.lanes(plane_size + group_size);
    Lane* group_lanes = plane_lanes + plane_size;
    std::fill_n(plane_lanes, plane_size + group_size, Lane{});
    long joint = 0;
    for (long pack = 0; pack < layout_.packs; ++pack)
      joint += backward_of_pack(task, layout_.first + pack * kLanes, plane_lanes, group_lanes);
    queries_.unpack(query_gradient_, batch, head, p_.scale, gradients.query);
    keys_.unpack(key_gradient_, batch, head, kLn2, gradients.key);
    keys_.unpack(value_gradient_, batch, head, 1.0f, gradients.value);
    for (long i = 0; i < plane_size; ++i) plane_partial[i] = sum_of_lanes(plane_lanes[i]) * kLn2;
    for (long i = 0; i < group_size; ++i) group_partial[i] = sum_of_lanes(group_lanes[i]) * kLn2;
    return joint;
  }

  // 1 where attention is kept, for [v g height width m u] of one head.
  void mask(int task, float* out) {
    for (int y = 0; y < p_.height; ++y)
      for (int x = 0; x < p_.width; ++x) {
        draw(task, layout_.first + y * layout_.stride + x);
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
  Planes planes(float* padded, long pixel) const { return {padded + pixel, p_.depth, layout_.plane}; }

  void read(int batch, int head, const Inputs& in) {
    queries_.pack(in.query, batch, head, p_.scale * kLog2E, query_);
    keys_.pack(in.key, batch, head, 1.0f, key_);
    keys_.pack(in.value, batch, head, 1.0f, value_);
  }

  // The plane's layout depends on the register width; the decisions must not: count pixels from its first.
  void draw(int task, long pixel) {
    if (dropout_.active()) dropout_.draw(tile_.query_words, task, pixel - layout_.first);
  }

  void scores(long pixel) {
    const Planes query = planes(query_, pixel);
    window_scores(tile_.content, query, p_.queries, planes(key_, pixel), p_.keys, layout_, outside_ + pixel);
    plane_scores(tile_.plane, query, p_.queries, encodings_.plane.data(), p_.depth_plane, p_.outputs, p_.offsets());
    group_scores(tile_.group, query.channels_from(p_.depth_plane), p_.queries, encodings_.group, p_.depth_group(),
                 p_.outputs, p_.keys);
  }

  bool backward_of_pack(int task, long pixel, Lane* plane_lanes, Lane* group_lanes) {
    const Planes query = planes(query_, pixel), query_gradient = planes(query_gradient_, pixel);
    const Planes group_query = query.channels_from(p_.depth_plane);
    const Planes out_gradient = planes(output_, pixel);
    draw(task, pixel);
    scores(pixel);
    window_scores(tile_.weights_gradient, out_gradient, p_.outputs, planes(value_, pixel), p_.keys, layout_, nullptr);
    const bool factorised = factorise(tile_);
    if (!factorised) scores(pixel);
    if (dropout_.active())
      factorised ? factorised_gradient<true>(tile_) : joint_gradient<true>(tile_);
    else
      factorised ? factorised_gradient<false>(tile_) : joint_gradient<false>(tile_);
    window_scatter(planes(value_gradient_, pixel), p_.keys, tile_.weights, p_.outputs, out_gradient, layout_);
    window_scatter(planes(key_gradient_, pixel), p_.keys, tile_.content_gradient, p_.queries, query, layout_);
    window_sum(query_gradient, tile_.content_gradient, p_.queries, planes(key_, pixel), p_.keys, layout_);
    plane_query_gradient(query_gradient, p_.queries, tile_.plane_gradient, encodings_.plane.data(), p_.depth_plane,
                         p_.outputs, p_.offsets());
    plane_encoding_gradient(plane_lanes, tile_.plane_gradient, query, p_.queries, p_.depth_plane, p_.outputs,
                            p_.offsets());
    group_gradients(query_gradient.channels_from(p_.depth_plane), group_lanes, tile_.group_gradient, group_query,
                    p_.queries, encodings_.group, p_.depth_group(), p_.outputs, p_.keys);
    return !factorised;
  }

  const Problem& p_;
  const Layout& layout_;
  const Encodings& encodings_;
  const Dropout dropout_;
  Tile tile_;
  const HeadMap queries_, keys_, outputs_;
  Workspace& workspace_;
  float *outside_, *query_, *query_gradient_, *key_, *key_gradient_, *value_, *value_gradient_, *output_;
};

}  // namespace e2viz
