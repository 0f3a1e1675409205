// A whole block of GE-ViT without gradients: norm, swish, attention, norm, swish, plus the cropped input, then the MLP.
// Step by step over all images; each step is shared out, and leaves what the next norm needs to know.
#pragma once

#include "attend.h"
#include "positional.h"

namespace e2viz {

// Everything in a block that is learned. Mirrored in library.py.
struct BlockWeights {
  Affine query, key, value, output, input_norm, output_norm, widen, hidden_norm, narrow, last_norm;
  CoordinateNetwork row, column;
  const float* group_embedding;  // [relative element][channel]
  const int64_t* relative;       // [v][g][m]: which relative element
  int32_t inputs, channels, hidden_channels, order, depth_heads, depth_group, window;
};

// The maps of one call. Mirrored in library.py. n: the positions [element height width], before or after cropping.
struct BlockMaps {
  const float* maps;      // [batch input n]
  const float* residual;  // what is added to the attended maps, from its first pixel on
  float *swished;         // [batch input n], scratch
  float *attended;        // [batch channel n], scratch
  float *sums;            // [batch channel cropped n], scratch
  float *hidden;          // [batch hidden cropped n], scratch
  float *out;             // [batch channel cropped n]
  int64_t residual_line, residual_plane, residual_image;  // floats from one to the next
  int32_t batch, height, width, cropped, heads, threads;
  float scale, epsilon;
};

class BlockForward {
 public:
  BlockForward(const BlockWeights& weights, const BlockMaps& maps, Team team)
      : w_(weights), t_(maps), p_(problem(weights, maps)), team_(team), height_(p_.height - 2 * t_.cropped),
        width_(p_.width - 2 * t_.cropped), lines_(p_.outputs * height_), positions_(long(lines_) * width_),
        steps_(p_.batch, p_.threads, team, std::min(lines_, w_.channels)) {}

  // Returns how many packs of pixels took the joint softmax.
  long run() const {
    steps_.swish_norm(t_.maps, w_.inputs, p_.queries * p_.pixels(), w_.input_norm, t_.epsilon, t_.swished);
    std::vector<Moments> moments;
    const Output attended{t_.attended, w_.output.weight, w_.output.bias, w_.channels};
    const long joint = attend(p_, team_, inputs(), encodings(), attended, &moments);
    moments = steps_.over(lines_, [&](int image, int first, int end, Moments& found) {
      add_attended(image, first, end, moments[image]);
      const Positions hidden = at(t_.hidden, image, w_.hidden_channels, first);
      const long count = long(end - first) * width_;
      product(hidden, w_.hidden_channels, at(t_.sums, image, w_.channels, first), w_.channels, w_.widen, count);
      for (int c = 0; c < w_.hidden_channels; ++c) found.add(hidden(c), count);
    });
    moments = steps_.over(lines_, [&](int image, int first, int end, Moments& found) {
      const Positions hidden = at(t_.hidden, image, w_.hidden_channels, first);
      const Positions narrowed = at(t_.out, image, w_.channels, first);
      const long count = long(end - first) * width_;
      for (int c = 0; c < w_.hidden_channels; ++c) {
        const Line norm(moments[image], t_.epsilon, w_.hidden_norm, c);
        for_lanes(hidden(c), count, [norm](Lane x) { return swish(norm(x)); }, hidden(c));
      }
      product(narrowed, w_.channels, hidden, w_.hidden_channels, w_.narrow, count);
      for (int c = 0; c < w_.channels; ++c) found.add(narrowed(c), count);
    });
    steps_.over(w_.channels, [&](int image, int first, int end, Moments&) {
      for (int c = first; c < end; ++c) {
        const Line norm(moments[image], t_.epsilon, w_.last_norm, c);
        const long start = (long(image) * w_.channels + c) * positions_;
        for_lanes(t_.out + start, positions_, [norm](Lane x, Lane sum) { return norm(x) + sum; }, t_.out + start,
                  t_.sums + start);
      }
    });
    return joint;
  }

 private:
  static Problem problem(const BlockWeights& w, const BlockMaps& t) {
    const int depth = w.depth_heads / t.heads;
    return {.batch = t.batch, .head = t.heads, .outputs = w.order, .queries = w.order, .keys = w.order, .depth = depth,
            .depth_plane = depth - w.depth_group, .window = w.window, .height = t.height, .width = t.width,
            .threads = t.threads, .scale = t.scale, .dropout = 0, .seed = 0};
  }

  Inputs inputs() const {
    const auto source = [this](const Affine& product) {
      return Source{t_.swished, product.weight, product.bias, w_.inputs};
    };
    return {source(w_.query), source(w_.key), source(w_.value)};
  }

  Encodings encodings() const {
    std::vector<float> plane(long(w_.order) * p_.depth_plane * p_.offsets());
    encode_plane(w_.row, w_.column, w_.order, p_.offsets(), plane.data());
    const long triples = long(w_.order) * w_.order * w_.order;
    std::vector<float> group(triples * w_.depth_group);
    for (long i = 0; i < triples; ++i)
      std::copy_n(w_.group_embedding + w_.relative[i] * w_.depth_group, w_.depth_group, &group[i * w_.depth_group]);
    return {p_, plane.data(), std::move(group)};
  }

  Positions at(float* maps, int image, int channels, int line) const {
    return {maps + long(image) * channels * positions_ + long(line) * width_, positions_};
  }

  // A line is a row of pixels of one element.
  void add_attended(int image, int first, int end, const Moments& moments) const {
    for (int c = 0; c < w_.channels; ++c) {
      const Line norm(moments, t_.epsilon, w_.output_norm, c);
      for (int line = first; line < end; ++line) {
        const long plane = long(c) * p_.outputs + line / height_, y = line % height_;
        const float* attended = t_.attended + (long(image) * w_.channels * p_.outputs + plane) * p_.pixels() +
                                (y + t_.cropped) * p_.width + t_.cropped;
        const float* residual = t_.residual + image * t_.residual_image + plane * t_.residual_plane +
                                y * t_.residual_line;
        for_lanes(at(t_.sums, image, w_.channels, line)(c), width_,
                  [norm](Lane x, Lane kept) { return swish(norm(x)) + kept; }, attended, residual);
      }
    }
  }

  const BlockWeights& w_;
  const BlockMaps& t_;
  const Problem p_;
  const Team team_;
  const int height_, width_, lines_;
  const long positions_;
  const Steps steps_;
};

}  // namespace e2viz
