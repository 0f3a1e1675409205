// Group and lifting attention of E(2)-equivariant transformers on a CPU, forward and backward.
// A plain C interface, loaded with ctypes by library.py. The formula is in ../functional.py.
#include <atomic>
#include <thread>

#include "attention.h"

namespace e2viz {

// GOMP_parallel of the OpenMP runtime that PyTorch runs on, or null: a second runtime would fight for the cores.
using Team = void (*)(void (*)(void*), void*, unsigned, unsigned);

// Hands out the numbers 0 to tasks. Which thread takes which task has no influence on results.
template <class Work>
void share_out(int tasks, const Problem& problem, Team team, const Work& work) {
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
  const int threads = std::max(1, std::min(problem.threads, shared.tasks));
  if (threads == 1) return shared.run();
  if (team) return team([](void* s) { static_cast<Shared*>(s)->run(); }, &shared, unsigned(threads), 0);
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back([&shared] { shared.run(); });
  shared.run();
  for (std::thread& other : others) other.join();
}

// In how many bands of rows a plane is cut: pieces of work that do not go round among the threads would leave one
// waiting. A band reads the rows of its window's halo again.
int bands(const Problem& problem, int pieces, int smallest_band) {
  if (problem.threads < 2 || pieces % problem.threads == 0 || pieces >= 8 * problem.threads) return 1;
  return std::clamp(problem.height / smallest_band, 1, problem.threads);
}

Workspace& workspace() {
  static thread_local Workspace kept;
  return kept;
}

}  // namespace e2viz

extern "C" {

// All return how many packs of pixels took the joint softmax.
long e2viz_attention_forward(const e2viz::Problem* problem, e2viz::Team team, const e2viz::Inputs* inputs,
                             const float* plane_encoding, const float* group_encoding, const e2viz::Output* out) {
  const e2viz::Encodings encodings(*problem, plane_encoding, group_encoding);
  std::atomic<long> joint{0};
  const int pieces = out->weight ? problem->batch : problem->batch * problem->head, height = problem->height;
  const int bands = e2viz::bands(*problem, pieces, out->weight ? problem->window / 2 + 1 : 2 * problem->window);
  e2viz::share_out(pieces * bands, *problem, team, [&](const auto& next_task) {
    e2viz::Head head(*problem, encodings, e2viz::workspace());
    for (int task = next_task(); task >= 0; task = next_task()) {
      const int piece = task / bands, band = task % bands;
      const int first_row = height * band / bands, end_row = height * (band + 1) / bands;
      joint += out->weight ? head.forward_projected(piece, first_row, end_row, *inputs, *out)
                           : head.forward(piece, first_row, end_row, *inputs, *out);
    }
  });
  return joint;
}

long e2viz_attention_backward(const e2viz::Problem* problem, e2viz::Team team, const e2viz::Inputs* inputs,
                              const float* plane_encoding, const float* group_encoding, const float* out_gradient,
                              float* query_gradient, float* key_gradient, float* value_gradient,
                              float* plane_gradient, float* group_gradient) {
  const e2viz::Problem& p = *problem;
  const e2viz::Encodings encodings(p, plane_encoding, group_encoding);
  const long plane_size = long(p.outputs) * p.offsets() * p.depth_plane;
  const long group_size = long(p.outputs) * p.queries * p.keys * p.depth_group();
  const int tasks = p.batch * p.head;
  std::vector<float> partial(tasks * (plane_size + group_size));
  std::atomic<long> joint{0};
  e2viz::share_out(tasks, p, team, [&](const auto& next_task) {
    e2viz::Head head(p, encodings, e2viz::workspace());
    for (int task = next_task(); task >= 0; task = next_task()) {
      float* own = partial.data() + task * (plane_size + group_size);
      joint += head.backward(task, *inputs, out_gradient, {query_gradient, key_gradient, value_gradient},
                             own, own + plane_size);
    }
  });
  // In the order of the tasks, whatever the number of threads.
  std::fill_n(plane_gradient, plane_size, 0.0f);
  std::fill_n(group_gradient, group_size, 0.0f);
  for (int task = 0; task < tasks; ++task) {
    const float* own = partial.data() + task * (plane_size + group_size);
    float* target = plane_gradient;
    for (int v = 0; v < p.outputs; ++v)
      for (int c = 0; c < p.depth_plane; ++c)
        for (int u = 0; u < p.offsets(); ++u)
          *target++ += own[(long(v) * p.offsets() + u) * p.depth_plane + c];
    for (long i = 0; i < group_size; ++i) group_gradient[i] += own[plane_size + i];
  }
  return joint;
}

// 1 where dropout keeps the attention [batch head v g height width m u].
void e2viz_dropout_mask(const e2viz::Problem* problem, float* out) {
  const long plane_size = long(problem->outputs) * problem->offsets() * problem->depth_plane;
  const long group_size = long(problem->outputs) * problem->queries * problem->keys * problem->depth_group();
  const std::vector<float> zeros(std::max(plane_size, group_size));
  const e2viz::Encodings encodings(*problem, zeros.data(), zeros.data());
  e2viz::Head head(*problem, encodings, e2viz::workspace());
  const long size = long(problem->outputs) * problem->queries * problem->pixels() * problem->keys * problem->offsets();
  for (int task = 0; task < problem->batch * problem->head; ++task) head.mask(task, out + task * size);
}

int e2viz_lanes() { return e2viz::kLanes; }

}  // extern "C"
