// Lifting of a picture with one channel. Queries, keys and values are affine in one number there, so that no channel is
// ever made: a score is f(x+u) (slope f(x) + shift), and heads add up weighted means of the window.
#pragma once

#include "encodings.h"
#include "pointwise.h"
#include "wide.h"

namespace e2viz {

class PictureLifting {
 public:
  static bool applies(const Problem& p, const Inputs& in, const Output& out) {
    return p.queries == 1 && p.keys == 1 && p.depth_group() == 0 && in.query.weight && in.query.inputs == 1 &&
           out.weight && p.dropout == 0;
  }

  PictureLifting(const Problem& p, const Encodings& encodings, const Inputs& in, const Output& out)
      : p_(p), encodings_(encodings), out_(out), picture_(in.query.tensor), radius_(p.window / 2),
        packs_((p.width + kLanes - 1) / kLanes), line_(packs_ * kLanes + 2 * radius_), weights_(out.channels * p.head),
        bias_(out.bias, out.bias + out.channels) {
    for (int head = 0; head < p.head; ++head) heads_.emplace_back(*this, in, head);
  }

  // The rows first_row to end_row of an image. Returns how many packs of pixels took the joint softmax.
  long run(int image, int first_row, int end_row) const {
    const int offsets = p_.offsets();
    std::vector<float> pixels, outside;
    pad(picture_ + image * p_.pixels(), first_row, end_row, pixels, outside);
    std::vector<Lane> window(offsets), masks(offsets), means(p_.head * p_.outputs), scratch(scratch_size());
    std::vector<Wide> scores(offsets);
    long joint = 0;
    for (int y = first_row; y < end_row; ++y)
      for (long pack = 0; pack < packs_; ++pack) {
        const long corner = (y - first_row) * line_ + pack * kLanes;
        for (int u = 0; u < offsets; ++u) {
          const long at = corner + u / p_.window * line_ + u % p_.window;
          window[u] = load(pixels.data() + at);
          masks[u] = load(outside.data() + at);
        }
        for (int head = 0; head < p_.head; ++head) {
          Lane* mean = means.data() + head * p_.outputs;
          if (factorised(heads_[head], window.data(), masks.data(), scratch.data(), mean)) continue;
          joint_means(heads_[head], window.data(), masks.data(), scores.data(), mean);
          ++joint;
        }
        write(image, y, pack, means.data());
      }
    return joint;
  }

 private:
  // Of one head: slope and shift of every score, in units of log 2.
  struct Scores {
    Scores(PictureLifting& whole, const Inputs& in, int head)
        : content(line(whole.p_, in, head, 0, whole.p_.depth, in.key.weight + head, whole.p_.head)) {
      const Problem& p = whole.p_;
      const Encodings& e = whole.encodings_;
      plane.reserve(e.offsets.count + e.row.count + e.column.count);
      for (const Distinct* part : {&e.offsets, &e.row, &e.column})
        for (int i = 0; i < part->count; ++i)
          plane.push_back(line(p, in, head, part->first, part->channels, &part->vectors[i * part->channels], 1));
      for (int o = 0; o < whole.out_.channels; ++o)
        for (int c = 0; c < p.depth; ++c) {
          const long channel = long(c) * p.head + head;
          const double weight = whole.out_.weight[o * long(p.depth) * p.head + channel];
          whole.weights_[o * p.head + head] += weight * in.value.weight[channel];
          whole.bias_[o] += weight * in.value.bias[channel];
        }
    }

    // The product of some of the query's channels with a vector.
    static Line line(const Problem& p, const Inputs& in, int head, int first, int channels, const float* vector,
                     int stride) {
      double slope = 0, shift = 0;
      for (int c = 0; c < channels; ++c) {
        const long channel = long(first + c) * p.head + head;
        slope += double(in.query.weight[channel]) * vector[c * stride];
        shift += double(in.query.bias[channel]) * vector[c * stride];
      }
      const double unit = double(p.scale) * 1.4426950408889634;
      return {float(slope * unit), float(shift * unit)};
    }

    Line content;             // times the key's pixel
    std::vector<Line> plane;  // of the different offsets, then rows, then columns
  };

  // The band's rows and their halo, zeros around; and what is added to the scores there.
  void pad(const float* picture, int first_row, int end_row, std::vector<float>& pixels,
           std::vector<float>& outside) const {
    const long rows = end_row - first_row + 2 * radius_;
    pixels.assign(rows * line_, 0.0f);
    outside.assign(rows * line_, kOutside);
    for (long row = 0; row < rows; ++row) {
      const long y = first_row - radius_ + row;
      if (y < 0 || y >= p_.height) continue;
      std::copy_n(picture + y * p_.width, p_.width, pixels.data() + row * line_ + radius_);
      std::fill_n(outside.data() + row * line_ + radius_, p_.width, 0.0f);
    }
  }

  int scratch_size() const {
    return 2 * p_.offsets() + encodings_.offsets.count + encodings_.row.count + encodings_.column.count;
  }

  // means[v]: attention's mean of the window, or false where a factor may have underflowed.
  E2VIZ_ALONE bool factorised(const Scores& head, const Lane* window, const Lane* masks, Lane* scratch,
                              Lane* means) const {
    const int offsets = p_.offsets();
    Lane *content = scratch, *weighted = content + offsets, *plane = weighted + offsets;
    const Lane pixel = window[offsets / 2], slope = head.content(pixel);
    LaneInt safe = LaneInt{} - 1;
    for (int u = 0; u < offsets; ++u) content[u] = window[u] * slope + masks[u];
    exponentiate(content, 1, offsets, safe);
    for (int u = 0; u < offsets; ++u) weighted[u] = content[u] * window[u];
    exponentials(head, pixel, plane, safe);
    const float* planes = reinterpret_cast<const float*>(plane);
    for_blocks<4>(p_.outputs, [&]<int V>(Block<V>, int v0) {
      Lane total[V] = {}, sum[V] = {};
      const long* place = encodings_.place.data() + v0;
      for (int u = 0; u < offsets; ++u, place += p_.outputs) {
        const Lane of_content = keep_in_register(content[u]), of_weighted = keep_in_register(weighted[u]);
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) {
          const Lane lane = keep_in_register(load(planes + place[v]));
          total[v] += of_content * lane;
          sum[v] += of_weighted * lane;
        }
      }
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        safe &= total[v] > kSmallestDenominator;
        means[v0 + v] = sum[v] / total[v];
      }
    });
    for (int i = 0; i < kLanes; ++i)
      if (!safe[i]) return false;
    return true;
  }

  // Of the plane part, for the different offsets.
  void exponentials(const Scores& head, Lane pixel, Lane* plane, LaneInt& safe) const {
    const Encodings& e = encodings_;
    const Line* lines = head.plane.data();
    if (!e.separable) {
      for (int i = 0; i < e.offsets.count; ++i) plane[i] = lines[i](pixel);
      return exponentiate(plane, 1, e.offsets.count, safe);
    }
    Lane *rows = plane + e.offsets.count, *columns = rows + e.row.count;
    for (int i = 0; i < e.row.count + e.column.count; ++i) rows[i] = lines[e.offsets.count + i](pixel);
    exponentiate(rows, 1, e.row.count, safe);
    exponentiate(columns, 1, e.column.count, safe);
    for (int k = 0; k < e.offsets.count; ++k) plane[k] = rows[e.row_of[k]] * columns[e.column_of[k]];
  }

  // The softmax as it is defined, of scores in double precision.
  E2VIZ_ALONE void joint_means(const Scores& head, const Lane* window, const Lane* masks, Wide* scores,
                               Lane* means) const {
    const int offsets = p_.offsets();
    const Wide pixel = widen(window[offsets / 2]), slope = pixel * double(head.content.factor) + head.content.shift;
    for (int v = 0; v < p_.outputs; ++v) {
      Wide top = {};
      for (int u = 0; u < offsets; ++u) {
        const Line& plane = head.plane[encodings_.offsets.index[v * offsets + u]];
        scores[u] = widen(masks[u]) + widen(window[u]) * slope + (pixel * double(plane.factor) + plane.shift);
        top = u ? larger(top, scores[u]) : scores[u];
      }
      Lane total = {}, sum = {};
      for (int u = 0; u < offsets; ++u) {
        const Lane weight = exp2_of_negative(narrow(scores[u] - top));
        total += weight;
        sum += weight * window[u];
      }
      means[v] = sum / total;
    }
  }

  // means: [head][v].
  E2VIZ_ALONE void write(int image, int y, long pack, const Lane* means) const {
    float* const target = out_.tensor + image * long(out_.channels) * p_.outputs * p_.pixels() + long(y) * p_.width;
    const long first = pack * kLanes, rest = p_.width - first;
    for_blocks<4>(out_.channels, [&]<int O>(Block<O>, int o0) {
      for_blocks<2>(p_.outputs, [&]<int V>(Block<V>, int v0) {
        Lane sum[O][V];
#pragma GCC unroll 8
        for (int o = 0; o < O; ++o)
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) sum[o][v] = fill(float(bias_[o0 + o]));
        for (int head = 0; head < p_.head; ++head) {
          const Lane* mean = means + head * p_.outputs + v0;
#pragma GCC unroll 8
          for (int o = 0; o < O; ++o) {
            const Lane factor = keep_in_register(fill(float(weights_[(o0 + o) * p_.head + head])));
#pragma GCC unroll 8
            for (int v = 0; v < V; ++v) sum[o][v] += factor * mean[v];
          }
        }
#pragma GCC unroll 8
        for (int o = 0; o < O; ++o)
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) {
            float* at = target + (long(o0 + o) * p_.outputs + v0 + v) * p_.pixels() + first;
            rest < kLanes ? store_some(at, sum[o][v], rest) : store(at, sum[o][v]);
          }
      });
    });
  }

  const Problem& p_;
  const Encodings& encodings_;
  const Output& out_;
  const float* picture_;
  const int radius_;
  const long packs_, line_;
  std::vector<double> weights_, bias_;  // [channel][head] and [channel]: of value and output together
  std::vector<Scores> heads_;
};

}  // namespace e2viz
