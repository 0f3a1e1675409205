// A whole block of GE-ViT without gradients: norm, swish, attention, norm, swish, plus the cropped input, then the MLP.
// Step by step over all images; each step is shared out, and leaves what the next norm needs to know.
#pragma once

#include "attention.h"

namespace e2viz {

// Mirrored in library.py. n: the positions [element height width] of a map, before or after cropping.
struct BlockTask {
  Affine input_norm, output_norm, hidden_norm, last_norm, widen, narrow;
  const float* maps;      // [batch input n]
  const float* residual;  // what is added to the attended maps, from its first pixel on
  float *swished;         // [batch input n], scratch
  float *attended;        // [batch channel n], scratch
  float *sums;            // [batch channel cropped n], scratch
  float *hidden;          // [batch hidden cropped n], scratch
  float *out;             // [batch channel cropped n]
  int64_t residual_line, residual_plane, residual_image;  // floats from one to the next
  int32_t channels, hidden_channels, cropped;
  float epsilon;
};

class BlockForward {
 public:
  BlockForward(const Problem& problem, const BlockTask& task, Team team)
      : p_(problem), t_(task), team_(team), height_(p_.height - 2 * t_.cropped), width_(p_.width - 2 * t_.cropped),
        lines_(p_.outputs * height_), positions_(long(lines_) * width_),
        steps_(p_.batch, p_.threads, team, std::min(lines_, t_.channels)) {}

  long run(const Inputs& attention, const Encodings& encodings, const Output& out) const {
    steps_.swish_norm(t_.maps, attention.query.inputs, p_.queries * p_.pixels(), t_.input_norm, t_.epsilon, t_.swished);
    std::vector<Moments> moments;
    const long joint = attend(p_, team_, attention, encodings, out, &moments);
    moments = steps_.over(lines_, [&](int image, int first, int end, Moments& found) {
      add_attended(image, first, end, moments[image]);
      const Positions hidden = at(t_.hidden, image, t_.hidden_channels, first);
      const long count = long(end - first) * width_;
      product(hidden, t_.hidden_channels, at(t_.sums, image, t_.channels, first), t_.channels, t_.widen, count);
      for (int c = 0; c < t_.hidden_channels; ++c) found.add(hidden(c), count);
    });
    moments = steps_.over(lines_, [&](int image, int first, int end, Moments& found) {
      const Positions hidden = at(t_.hidden, image, t_.hidden_channels, first);
      const Positions narrowed = at(t_.out, image, t_.channels, first);
      const long count = long(end - first) * width_;
      for (int c = 0; c < t_.hidden_channels; ++c) {
        const Line norm(moments[image], t_.epsilon, t_.hidden_norm, c);
        for_lanes(hidden(c), count, [norm](Lane x) { return swish(norm(x)); }, hidden(c));
      }
      product(narrowed, t_.channels, hidden, t_.hidden_channels, t_.narrow, count);
      for (int c = 0; c < t_.channels; ++c) found.add(narrowed(c), count);
    });
    steps_.over(t_.channels, [&](int image, int first, int end, Moments&) {
      for (int c = first; c < end; ++c) {
        const Line norm(moments[image], t_.epsilon, t_.last_norm, c);
        const long start = (long(image) * t_.channels + c) * positions_;
        for_lanes(t_.out + start, positions_, [norm](Lane x, Lane sum) { return norm(x) + sum; }, t_.out + start,
                  t_.sums + start);
      }
    });
    return joint;
  }

 private:
  Positions at(float* maps, int image, int channels, int line) const {
    return {maps + long(image) * channels * positions_ + long(line) * width_, positions_};
  }

  // A line is a row of pixels of one element.
  void add_attended(int image, int first, int end, const Moments& moments) const {
    for (int c = 0; c < t_.channels; ++c) {
      const Line norm(moments, t_.epsilon, t_.output_norm, c);
      for (int line = first; line < end; ++line) {
        const long plane = long(c) * p_.outputs + line / height_, y = line % height_;
        const float* attended = t_.attended + (long(image) * t_.channels * p_.outputs + plane) * p_.pixels() +
                                (y + t_.cropped) * p_.width + t_.cropped;
        const float* residual = t_.residual + image * t_.residual_image + plane * t_.residual_plane +
                                y * t_.residual_line;
        for_lanes(at(t_.sums, image, t_.channels, line)(c), width_,
                  [norm](Lane x, Lane kept) { return swish(norm(x)) + kept; }, attended, residual);
      }
    }
  }

  const Problem& p_;
  const BlockTask& t_;
  const Team team_;
  const int height_, width_, lines_;
  const long positions_;
  const Steps steps_;
};

}  // namespace e2viz
