// Sharing out work among the threads that PyTorch keeps.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "pointwise.h"

namespace e2viz {

// GOMP_parallel of the OpenMP runtime that PyTorch runs on, or null: a second runtime would fight for the cores.
using Team = void (*)(void (*)(void*), void*, unsigned, unsigned);

// Hands out the numbers 0 to tasks. Which thread takes which task has no influence on results.
template <class Work>
void share_out(int tasks, int most_threads, Team team, const Work& work) {
  struct Shared {
    const Work& work;
    int tasks;
    std::atomic<int> next{0};
    void run() {
      const FlushDenormals flush;
      work([this] {
        const int task = next.fetch_add(1, std::memory_order_relaxed);
        return task < tasks ? task : -1;
      });
    }
  } shared{work, tasks};
  const int threads = std::max(1, std::min(most_threads, shared.tasks));
  if (threads == 1) return shared.run();
  if (team) return team([](void* s) { static_cast<Shared*>(s)->run(); }, &shared, unsigned(threads), 0);
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back([&shared] { shared.run(); });
  shared.run();
  for (std::thread& other : others) other.join();
}

// In how many parts, at most so many, each piece of work is cut: pieces that do not go round among the threads would
// leave one waiting.
inline int parts(int pieces, int threads, int most) {
  if (threads < 2 || pieces % threads == 0 || pieces >= 8 * threads) return 1;
  return std::clamp(most, 1, threads);
}

// Steps over a batch of maps, each shared out by image and part of the image.
class Steps {
 public:
  Steps(int batch, int threads, Team team, int most_parts)
      : batch_(batch), threads_(threads), team_(team), parts_(parts(batch, threads, most_parts)) {}

  // body(image, first, end, moments) for parts of 0 to count. What the parts of an image find is put together in their
  // order and returned for each image.
  template <class Body>
  std::vector<Moments> over(int count, const Body& body) const {
    std::vector<Moments> found(batch_ * parts_), whole(batch_);
    share_out(batch_ * parts_, threads_, team_, [&](const auto& next_task) {
      for (int task = next_task(); task >= 0; task = next_task()) {
        const int part = task % parts_;
        body(task / parts_, count * part / parts_, count * (part + 1) / parts_, found[task]);
      }
    });
    for (int task = 0; task < batch_ * parts_; ++task) whole[task / parts_].add(found[task]);
    return whole;
  }

  // target = swish(norm(maps)), of maps [batch channel position].
  void swish_norm(const float* maps, int channels, long positions, const Affine& norm, float epsilon,
                  float* target) const {
    const std::vector<Moments> moments = over(channels, [&](int image, int first, int end, Moments& found) {
      found.add(maps + (image * long(channels) + first) * positions, (end - first) * positions);
    });
    over(channels, [&](int image, int first, int end, Moments&) {
      for (int c = first; c < end; ++c) {
        const Line line(moments[image], epsilon, norm, c);
        const long start = (image * long(channels) + c) * positions;
        for_lanes(target + start, positions, [line](Lane x) { return swish(line(x)); }, maps + start);
      }
    });
  }

 private:
  int batch_, threads_;
  Team team_;
  int parts_;
};

}  // namespace e2viz
