// Cycles of each step of the compiled kernel for one pack of pixels of the published p4 network, forward and backward,
// beside what the multiply-adds, or the operations of the exponentials, would need with every pipe busy.
#include <chrono>
#include <cstdio>
#include <functional>
#include <random>
#include <string>

#include "attention.cpp"

namespace {

using namespace e2viz;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The fastest of many short runs: a run that was interrupted is never the fastest.
double fastest(const std::function<void()>& work, int repeats, int runs) {
  double best = 1e9;
  for (int run = 0; run < runs; ++run) {
    const auto start = Clock::now();
    for (int i = 0; i < repeats; ++i) work();
    best = std::min(best, seconds_since(start) / repeats);
  }
  return best;
}

// Cycles a second, from a chain of products of integers, each of which takes three cycles.
double clock_rate() {
  const double seconds = fastest([] {
    unsigned long x = 1;
    for (int i = 0; i < 100; ++i)
#pragma GCC unroll 100
      for (int k = 0; k < 100; ++k) {
        asm volatile("" : "+r"(x));
        x *= 3162277660168379331ul;
      }
  }, 1, 300);
  return 30000 / seconds;
}

struct Step {
  const char* name;
  double operations;  // vectors of products and additions, fused; of exponentials all operations
  double packs;       // that one call serves
  std::function<void()> work;
  int includes = -1;  // an earlier step that its call takes as well
};

struct Sum {
  double cycles = 0, floor = 0;
};

void print(const std::string& name, double cycles, double least) {
  std::printf("%-46s %8.0f %8.0f %6.2f\n", name.c_str(), cycles, least, cycles / least);
}

Sum measure(const std::vector<Step>& steps, double rate) {
  Sum sum;
  std::vector<double> taken;
  for (const Step& step : steps) {
    double cycles = fastest(step.work, 20, 400) * rate / step.packs;
    if (step.includes >= 0) cycles -= taken[step.includes];
    taken.push_back(cycles);
    const double least = step.operations / 2;  // two operations a cycle
    print(step.name, cycles, least);
    sum.cycles += cycles;
    sum.floor += least;
  }
  print("all", sum.cycles, sum.floor);
  return sum;
}

// What all packs of the network's five blocks take.
void print_image(const char* what, Problem block, bool shares, Sum sum, double rate) {
  double packs = 0;
  for (const int side : {28, 24, 12, 8, 6}) {
    block.width = block.height = side;
    const HeadMap map(block, 1, 2, shares && shares_packs(block));
    packs += 9 * (side * map.layout.packs + map.layout.shares * side / 2);
  }
  std::printf("%s: %.0f packs in the five blocks, %.2f ms on two cores, floor %.2f ms\n", what, packs,
              sum.cycles * packs / rate * 500, sum.floor * packs / rate * 500);
}

}  // namespace

int main() {
  const FlushDenormals flush;  // as the kernel does
  const Problem p{1, 1, 4, 4, 4, 10, 6, 5, 28, 28, 1, 0.2236f, 0.0f, 0};
  std::mt19937 random(0);
  std::normal_distribution<float> normal;
  const auto numbers = [&](long count) {
    std::vector<float> made(count);
    for (float& each : made) each = normal(random);
    return made;
  };
  // Encodings that the group permutes, as those of an equivariant network.
  std::vector<float> plane(4 * 6 * 25), group(4 * 4 * 4 * 4), line = numbers(5 * 3), other = numbers(5 * 3);
  const std::vector<float> elements = numbers(16);
  for (int v = 0; v < 4; ++v)
    for (int i = 0; i < 5; ++i)
      for (int j = 0; j < 5; ++j) {
        const int turned[4][2] = {{i, j}, {j, 4 - i}, {4 - i, 4 - j}, {4 - j, i}};
        for (int c = 0; c < 3; ++c) {
          plane[(v * 6 + c) * 25 + i * 5 + j] = line[turned[v][0] * 3 + c];
          plane[(v * 6 + 3 + c) * 25 + i * 5 + j] = other[turned[v][1] * 3 + c];
        }
      }
  for (int v = 0; v < 4; ++v)
    for (int g = 0; g < 4; ++g)
      for (int m = 0; m < 4; ++m)
        for (int c = 0; c < 4; ++c) group[((v * 4 + g) * 4 + m) * 4 + c] = elements[(2 * g - m - v + 8) % 4 * 4 + c];
  const Encodings encodings(p, plane.data(), group);
  Workspace space;
  Tile t(p, encodings.place.data(), space.tile);
  HeadMap queries(p, 4, 0), keys(p, 4, 2), outputs(p, 4, 0);
  Buffer q, k, v, o, b, scratch;
  const auto tensor = numbers(40 * 784), maps = numbers(20 * 4 * 784), weight = numbers(10 * 20), bias = numbers(10);
  const Source plain{tensor.data(), nullptr, nullptr, 0}, projected{maps.data(), weight.data(), bias.data(), 20};
  float *query = q.floats(queries.layout.size()), *key = k.floats(keys.layout.size());
  float *value = v.floats(keys.layout.size()), *out = o.floats(outputs.layout.size());
  for (int y = 0; y < 5; ++y) {
    keys.read_row(plain, 0, 0, y, 1.0f, key);
    keys.read_row(plain, 0, 0, y, 1.0f, value);
  }
  queries.read_row(plain, 0, 0, 2, 0.3f, query);
  const Planes at_query = queries.planes(query, 2, 1), at_key = keys.planes(key, 2, 1);
  const Planes at_value = keys.planes(value, 2, 1), at_out = outputs.planes(out, 2, 1);
  std::vector<float> output_weight = numbers(2 * 20 * 10), output_bias = numbers(20), result(20 * 4 * 784);
  const Output output{result.data(), output_weight.data(), output_bias.data(), 20};
  OutputSums sums(p, output, 0, 28, false, b);
  sums.begin(0, 1.0f);
  sums.begin(1, 1.0f);
  const long packed = 28L * ((28 + kLanes - 1) / kLanes) * 80;
  std::fill_n(reinterpret_cast<float*>(b.lanes(packed)), packed * kLanes, 0.0f);

  const double exponential = 12;
  t.safe = LaneInt{} - 1;
  const std::vector<Step> forward = {
      {"keys of a row by their product", 20 * 40, 4, [&] { keys.read_row(projected, 0, 0, 2, 1.0f, key); }},
      {"values of a row by their product", 20 * 40, 4, [&] { keys.read_row(projected, 0, 0, 2, 1.0f, value); }},
      {"queries of a row by their product", 20 * 40, 4, [&] { queries.read_row(projected, 0, 0, 2, 0.05f, query); }},
      {"scores of query and key", 4000, 1,
       [&] { window_scores<false>(t.content, at_query, 4, at_key, 4, 25, nullptr); }},
      {"exponentials of the plane's scores", 10 * 4 * (3 + exponential) + 100, 1,
       [&] { encodings.plane_exponentials(t, at_query, t.plane_gradient); }},
      {"exponentials of the group's scores", 16 * (4 + exponential), 1,
       [&] { encodings.group_exponentials(t, at_query.channels_from(6), t.shift); }},
      {"exponentials of query and key, denominators", 400 * (exponential + 1) + 1600 + 64 * 2, 1,
       [&] {
         window_scores<false>(t.content, at_query, 4, at_key, 4, 25, nullptr);
         factorise(t);
       }, 3},
      {"weights summed over query elements", 3200, 1, [&] { factorised_weights_in_place(t); }},
      {"values, weighted", 4000, 1, [&] { window_sum<false>(at_out, t.content, 4, at_value, 4, 25); }},
      {"product to the output", 800, 1, [&] { sums.add(2, 1, at_out); }},
  };
  const double rate = clock_rate();
  std::printf("%.2f GHz, %d lanes\n%-46s %8s %8s %6s\n", rate / 1e9, kLanes, "step, for one pack of pixels", "cycles",
              "floor", "ratio");
  const Sum sum = measure(forward, rate);
  print_image("forward", p, true, sum, rate);
  // Two rows whose last packs are half full share one, which is read in halves.
  const auto scores = [&] { window_scores<true>(t.content, at_query, 4, at_key, 4, 25, nullptr); };
  const auto values = [&] { window_sum<true>(at_out, t.content, 4, at_value, 4, 25); };
  print("scores, of a pack that two rows share", fastest(scores, 20, 400) * rate, 2000);
  print("values, weighted, of such a pack", fastest(values, 20, 400) * rate, 2000);

  // Backward: what the softmax needs is computed again; then from the output's gradient to all others.
  window_scores<false>(t.content, at_query, 4, at_key, 4, 25, nullptr);
  factorise(t);
  Buffer qg, kg, vg, lanes;
  float *query_gradient = qg.floats(queries.layout.size()), *key_gradient = kg.floats(keys.layout.size());
  float* value_gradient = vg.floats(keys.layout.size());
  Lane *plane_lanes = lanes.lanes(4 * 25 * 6 + 64 * 4), *group_lanes = plane_lanes + 4 * 25 * 6;
  const long lane_count = 4 * 25 * 6 + 64 * 4;
  const auto clear = [&] {
    std::fill_n(plane_lanes, lane_count, Lane{});
    for (int y = 0; y < 5; ++y) keys.clear_row(y, key_gradient), keys.clear_row(y, value_gradient);
  };
  clear();
  std::vector<float> written(40 * 784);
  outputs.read_row(plain, 0, 0, 2, 1e-3f, out);
  const Planes at_query_gradient = queries.planes(query_gradient, 2, 1);
  const Planes at_key_gradient = keys.planes(key_gradient, 2, 1), at_value_gradient = keys.planes(value_gradient, 2, 1);
  const auto softmax = [&] {
    window_scores<false>(t.content, at_query, 4, at_key, 4, 25, nullptr);
    encodings.plane_exponentials(t, at_query, t.plane_gradient);
    encodings.group_exponentials(t, at_query.channels_from(6), t.shift);
    factorise(t);
  };
  const std::vector<Step> backward = {
      {"scores and their softmax again", 4000 + 700 + 256 + 400 * (exponential + 1) + 1600 + 128, 1, softmax},
      {"rows read", 4 * 40 * 4, 4,
       [&] {
         keys.read_row(plain, 0, 0, 2, 1.0f, key);
         keys.read_row(plain, 0, 0, 2, 1.0f, value);
         queries.read_row(plain, 0, 0, 2, 0.05f, query);
         outputs.read_row(plain, 0, 0, 2, 1e-3f, out);
       }},
      {"weights' gradient: output's gradient and value", 4000, 1,
       [&] { window_scores<false>(t.weights_gradient, at_out, 4, at_value, 4, 25, nullptr); }},
      {"scores' gradient, weights", 6 * 1600 + 800, 1,
       [&] {  // from a softmax of its own: it changes what that leaves
         softmax();
         factorised_gradient<false>(t);
       }, 0},
      {"values' gradient", 4000, 1, [&] { window_scatter(at_value_gradient, 4, t.weights, 4, at_out, 25); }},
      {"keys' gradient", 4000, 1, [&] { window_scatter(at_key_gradient, 4, t.content_gradient, 4, at_query, 25); }},
      {"queries' gradient by keys", 4000, 1,
       [&] { window_sum<false>(at_query_gradient, t.content_gradient, 4, at_key, 4, 25); }},
      {"queries' gradient by the plane's encoding", 2400, 1,
       [&] {
         plane_query_gradient(at_query_gradient, 4, t.plane_gradient, encodings.plane.data(), 150, 6, 4, 25);
       }},
      {"plane encoding's gradient", 2400, 1,
       [&] { plane_encoding_gradient(plane_lanes, 150, t.plane_gradient, at_query, 4, 6, 4, 25); }},
      {"gradients of the group's part", 512, 1,
       [&] {
         group_gradients(at_query_gradient.channels_from(6), group_lanes, t.group_gradient,
                         at_query.channels_from(6), 4, encodings.group.data(), 4, 4, 4);
       }},
      {"rows written and cleared", 3 * 40 * 4, 4,
       [&] {
         queries.write_row(query_gradient, 0, 0, 2, 0.05f, written.data());
         keys.write_row(key_gradient, 0, 0, 2, 1.0f, written.data());
         keys.write_row(value_gradient, 0, 0, 2, 1.0f, written.data());
         keys.clear_row(2, key_gradient);
         keys.clear_row(2, value_gradient);
       }},
  };
  print_image("backward", p, false, measure(backward, rate), rate);
}
