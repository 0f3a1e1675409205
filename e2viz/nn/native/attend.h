// All heads of a batch, shared out among threads.
#pragma once

#include "attention.h"
#include "lifting.h"
#include "team.h"

namespace e2viz {

// Returns how many packs of pixels took the joint softmax; of a projected output also the moments of each image.
inline long attend(const Problem& p, Team team, const Inputs& inputs, const Encodings& encodings, const Output& out,
                   std::vector<Moments>* moments) {
  std::atomic<long> joint{0};
  const bool shares = out.weight && p.dropout == 0 && shares_packs(p);
  // A band of rows reads the rows of its window's halo again.
  const int pieces = out.weight ? p.batch : p.batch * p.head;
  const int bands = parts(pieces, p.threads, p.height / (out.weight ? p.window / 2 + 1 : 2 * p.window));
  const auto rows_of = [&](int task) {
    const int band = task % bands, unit = shares ? 2 : 1;  // rows that share a pack stay together
    const int units = p.height / unit;
    return std::pair(units * band / bands * unit, units * (band + 1) / bands * unit);
  };
  if (PictureLifting::applies(p, inputs, out)) {
    const PictureLifting lifting(p, encodings, inputs, out);
    share_out(pieces * bands, p.threads, team, [&](const auto& next_task) {
      for (int task = next_task(); task >= 0; task = next_task()) {
        const auto [first_row, end_row] = rows_of(task);
        joint += lifting.run(task / bands, first_row, end_row);
      }
    });
    return joint;
  }
  std::vector<Moments> found(pieces * bands);
  share_out(pieces * bands, p.threads, team, [&](const auto& next_task) {
    Head head(p, encodings, workspace(), shares);
    for (int task = next_task(); task >= 0; task = next_task()) {
      const int piece = task / bands;
      const auto [first_row, end_row] = rows_of(task);
      Moments* wanted = moments ? &found[task] : nullptr;
      joint += out.weight ? head.forward_projected(piece, first_row, end_row, inputs, out, wanted)
                          : head.forward(piece, first_row, end_row, inputs, out);
    }
  });
  if (moments) {
    moments->assign(pieces, {});
    for (int task = 0; task < pieces * bands; ++task) (*moments)[task / bands].add(found[task]);
  }
  return joint;
}

}  // namespace e2viz
