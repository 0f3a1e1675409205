// Group and lifting attention of E(2)-equivariant transformers on a CPU, forward and backward.
// A plain C interface, loaded with ctypes by library.py. The formula is in ../functional.py.
#include "block.h"
#include "training.h"

extern "C" {

// All return how many packs of pixels took the joint softmax.
long e2viz_attention_forward(const e2viz::Problem* problem, e2viz::Team team, const e2viz::Inputs* inputs,
                             const float* plane_encoding, const float* group_encoding, const e2viz::Output* out) {
  return e2viz::attend(*problem, team, *inputs, {*problem, plane_encoding, group_encoding}, *out, nullptr);
}

long e2viz_block_forward(e2viz::Team team, const e2viz::BlockWeights* weights, const e2viz::BlockMaps* maps) {
  return e2viz::BlockForward(*weights, *maps, team).run();
}

// swish(norm(maps)) of maps [batch channel position].
void e2viz_swish_norm(int threads, e2viz::Team team, int batch, int channels, long positions, const float* maps,
                      const float* weight, const float* bias, float epsilon, float* out) {
  e2viz::Steps(batch, threads, team, channels).swish_norm(maps, channels, positions, {weight, bias}, epsilon, out);
}

void e2viz_swish_norm_backward(int threads, e2viz::Team team, int batch, int channels, long positions,
                               const float* maps, const float* weight, const float* bias, float epsilon,
                               const float* by_out, float* by_maps, float* by_weight, float* by_bias) {
  e2viz::swish_norm_backward(e2viz::Steps(batch, threads, team, channels), batch, channels, positions, {weight, bias},
                             epsilon, {maps, by_out, by_maps, by_weight, by_bias});
}

// Of planes [plane height width], 2x2 pixels to one.
void e2viz_max_pool(int threads, e2viz::Team team, int planes, int height, int width, const float* maps, float* out) {
  const e2viz::MaxPool pool{height, width};
  const long size = long(height) * width, pooled = long(height / 2) * (width / 2);
  pool.over(planes, threads, team, [&](long i) { pool.forward(maps + i * size, out + i * pooled); });
}

void e2viz_max_pool_backward(int threads, e2viz::Team team, int planes, int height, int width, const float* maps,
                             const float* by_out, float* by_maps) {
  const e2viz::MaxPool pool{height, width};
  const long size = long(height) * width, pooled = long(height / 2) * (width / 2);
  pool.over(planes, threads, team,
            [&](long i) { pool.backward(maps + i * size, by_out + i * pooled, by_maps + i * size); });
}

// networks: of the row and of the column. out: [v][channel][u].
void e2viz_plane_encoding(const e2viz::CoordinateNetwork* networks, int outputs, int offsets, float* out) {
  e2viz::encode_plane(networks[0], networks[1], outputs, offsets, out);
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
  e2viz::share_out(tasks, p.threads, team, [&](const auto& next_task) {
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
