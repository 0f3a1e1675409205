// Attended rows through the output's 1x1 product, without ever being stored.
#pragma once

#include "layout.h"
#include "pointwise.h"

namespace e2viz {

// The 1x1 product of attended rows, summed over heads one after another.
class OutputSums {
 public:
  OutputSums(const Problem& p, const Output& output, int first_row, int end_row, bool shares, Buffer& buffer)
      : p_(p), output_(output), first_row_(first_row), rows_(end_row - first_row), shares_(shares),
        packs_((p.width + (shares ? 0 : kLanes - 1)) / kLanes), size_(long(output.channels) * p.outputs),
        sums_(buffer.lanes((rows_ * packs_ + shares * rows_ / 2) * size_)), weight_(output.channels * p.depth) {}

  // What is added from now on belongs to this head.
  void begin(int head, float factor) {
    first_ = head == 0;
    for (int i = 0; i < output_.channels * p_.depth; ++i) weight_[i] = output_.weight[i * p_.head + head] * factor;
  }

  // Of planes [v][channel].
  E2VIZ_ALONE void add(int y, long pack, Planes attended) {
    Lane* sums = sums_of(y - first_row_, pack);
    for_blocks<4>(output_.channels, [&]<int O>(Block<O>, int o0) {
      for_blocks<2>(p_.outputs, [&]<int V>(Block<V>, int v0) {
        Lane sum[O][V];
#pragma GCC unroll 8
        for (int o = 0; o < O; ++o)
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v)
            sum[o][v] = first_ ? fill(output_.bias[o0 + o]) : sums[(o0 + o) * p_.outputs + v0 + v];
        const float* weight = weight_.data() + o0 * p_.depth;
        for (int c = 0; c < p_.depth; ++c) {
          Lane lane[V];
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) lane[v] = keep_in_register(load(attended(v0 + v, c)));
#pragma GCC unroll 8
          for (int o = 0; o < O; ++o) {
            const Lane factor = keep_in_register(fill(weight[o * p_.depth + c]));
#pragma GCC unroll 8
            for (int v = 0; v < V; ++v) sum[o][v] += factor * lane[v];
          }
        }
#pragma GCC unroll 8
        for (int o = 0; o < O; ++o)
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) sums[(o0 + o) * p_.outputs + v0 + v] = sum[o][v];
      });
    });
  }

  // Once all heads are added.
  void write(int batch, Moments* found) const {
    for (long i = 0; i < size_; ++i) {
      float* const first = output_.tensor + ((batch * size_ + i) * p_.height + first_row_) * p_.width;
      float* line = first;
      for (int y = 0; y < rows_; ++y, line += p_.width) {
        for (long pack = 0; pack < packs_; ++pack) {
          const Lane sum = sums_of(y, pack)[i];
          const long rest = p_.width - pack * kLanes;
          rest < kLanes ? store_some(line + pack * kLanes, sum, rest) : store(line + pack * kLanes, sum);
        }
        constexpr int kHalf = kLanes / 2;
        if (shares_)
          std::memcpy(line + packs_ * kLanes, reinterpret_cast<float*>(sums_of(y / 2 * 2, packs_) + i) + y % 2 * kHalf,
                      kHalf * sizeof(float));
      }
      if (found) found->add(first, long(rows_) * p_.width);
    }
  }

 private:
  // The packs of a row; a pack that two rows share stands after those of all rows.
  Lane* sums_of(int row, long pack) const {
    return sums_ + (pack < packs_ ? row * packs_ + pack : rows_ * packs_ + row / 2) * size_;
  }

  const Problem& p_;
  const Output& output_;
  int first_row_, rows_;
  bool shares_;
  long packs_, size_;
  Lane* sums_;  // [pack][channel][v]
  std::vector<float> weight_;  // [channel][depth], of one head
  bool first_ = true;
};

}  // namespace e2viz
