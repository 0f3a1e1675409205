// What training needs of the layers around attention: the gradient of a norm with its swish, and max-pooling both ways.
#pragma once

#include "team.h"

namespace e2viz {

// Maps [batch channel position], all from the first image's first channel on.
struct SwishNormGradients {
  const float *maps, *by_out;
  float *by_maps, *by_weight, *by_bias;
};

// Of swish(norm(maps)). Steps are over the images.
inline void swish_norm_backward(const Steps& steps, int batch, int channels, long positions, const Affine& norm,
                                float epsilon, const SwishNormGradients& g) {
  const auto place = [=](int image, int c) { return (image * long(channels) + c) * positions; };
  const std::vector<Moments> moments = steps.over(channels, [&](int image, int first, int end, Moments& found) {
    found.add(g.maps + place(image, first), (end - first) * positions);
  });
  const auto inverse = [&](int image) {
    return 1.0 / std::sqrt(moments[image].squares / moments[image].count + double(epsilon));
  };
  // Of each channel: the sum of the normalised map's gradient, and that of its products with the standardised map.
  std::vector<double> sums(2l * batch * channels);
  steps.over(channels, [&](int image, int first, int end, Moments&) {
    const float middle = float(moments[image].mean);
    for (int c = first; c < end; ++c) {
      const Line line(moments[image], epsilon, norm, c);
      Lane total = {}, product = {};
      for_lanes(g.by_maps + place(image, c), positions, [&](Lane x, Lane by_out) {
        const Lane normalised = line(x), share = sigmoid(normalised);
        const Lane by_normalised = by_out * share * (1.0f + normalised * (1.0f - share));
        total += by_normalised, product += by_normalised * (x - middle);
        return by_normalised;
      }, g.maps + place(image, c), g.by_out + place(image, c));
      double* sum = &sums[2 * (image * long(channels) + c)];
      sum[0] = sum_of_lanes(total), sum[1] = sum_of_lanes(product) * inverse(image);
    }
  });
  std::fill_n(g.by_weight, channels, 0.0f);
  std::fill_n(g.by_bias, channels, 0.0f);
  std::vector<Line> rest;  // what is added to every gradient, by the map's value
  for (int image = 0; image < batch; ++image) {
    double total = 0, product = 0;
    for (int c = 0; c < channels; ++c) {
      const double* sum = &sums[2 * (image * long(channels) + c)];
      total += norm.weight[c] * sum[0], product += norm.weight[c] * sum[1];
      g.by_bias[c] += float(sum[0]), g.by_weight[c] += float(sum[1]);
    }
    const double factor = -inverse(image) * inverse(image) * product / moments[image].count;
    rest.emplace_back(float(factor), float(-inverse(image) * total / moments[image].count - moments[image].mean * factor));
  }
  steps.over(channels, [&](int image, int first, int end, Moments&) {
    const Line line = rest[image];
    for (int c = first; c < end; ++c) {
      const float factor = float(norm.weight[c] * inverse(image));
      float* by_maps = g.by_maps + place(image, c);
      for_lanes(by_maps, positions, [=](Lane by_normalised, Lane x) { return by_normalised * factor + line(x); },
                by_maps, g.maps + place(image, c));
    }
  });
}

// Of 2x2 pixels of a plane the first that is largest; one that is no number is passed on.
struct MaxPool {
  int height, width;

  // Two rows as packs of their even and their odd columns, of which `count` are within.
  struct Pixels {
    Lane even, odd;
    static E2VIZ_INLINE Pixels load(const float* row, long count) {
      const Lane first = load_some(row, std::min<long>(2 * count, kLanes));
      const Lane second = load_some(row + kLanes, std::max<long>(2 * count - kLanes, 0));
      return {every_other(first, second, 0), every_other(first, second, 1)};
    }
    E2VIZ_INLINE void store(float* row, long count) const {
      store_some(row, alternating(even, odd, 0), std::min<long>(2 * count, kLanes));
      store_some(row + kLanes, alternating(even, odd, kLanes / 2), std::max<long>(2 * count - kLanes, 0));
    }
  };

  static E2VIZ_INLINE LaneInt first_counts(Lane a, Lane b) { return (a >= b) | (a != a); }
  static E2VIZ_INLINE Lane either(Lane a, Lane b) { return first_counts(a, b) ? a : b; }

  template <class Body>
  E2VIZ_INLINE void for_each_pack(const Body& body) const {
    for (int y = 0; y < height / 2; ++y)
      for (long x = 0; x < width / 2; x += kLanes)
        body(2l * y * width + 2 * x, long(y) * (width / 2) + x, std::min<long>(kLanes, width / 2 - x));
  }

  void forward(const float* plane, float* out) const {
    for_each_pack([&](long at, long pooled, long count) {
      const Pixels upper = Pixels::load(plane + at, count), lower = Pixels::load(plane + at + width, count);
      store_some(out + pooled, either(either(upper.even, upper.odd), either(lower.even, lower.odd)), count);
    });
  }

  void backward(const float* plane, const float* by_out, float* by_plane) const {
    if (height % 2 || width % 2) std::fill_n(by_plane, long(height) * width, 0.0f);
    for_each_pack([&](long at, long pooled, long count) {
      const Pixels upper = Pixels::load(plane + at, count), lower = Pixels::load(plane + at + width, count);
      const LaneInt above = first_counts(either(upper.even, upper.odd), either(lower.even, lower.odd));
      const LaneInt left = first_counts(upper.even, upper.odd), left_below = first_counts(lower.even, lower.odd);
      const Lane by = load_some(by_out + pooled, count);
      Pixels{masked(by, above & left), masked(by, above & ~left)}.store(by_plane + at, count);
      Pixels{masked(by, ~above & left_below), masked(by, ~above & ~left_below)}.store(by_plane + at + width, count);
    });
  }

  // body(plane) for all planes, shared out.
  template <class Body>
  static void over(int planes, int threads, Team team, const Body& body) {
    constexpr int kPlanes = 64;
    share_out((planes + kPlanes - 1) / kPlanes, threads, team, [&](const auto& next_task) {
      for (int task = next_task(); task >= 0; task = next_task())
        for (long i = long(task) * kPlanes; i < std::min(planes, (task + 1) * kPlanes); ++i) body(i);
    });
  }
};

}  // namespace e2viz
