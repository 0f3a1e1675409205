// Cycles of each step of the compiled kernel for one pack of pixels of the published p4 network, without gradients,
// beside what the multiply-adds, or the operations of the exponentials, would need with every pipe busy.
#include <chrono>
#include <cstdio>
#include <functional>
#include <random>

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
  std::vector<float> output_weight = numbers(20 * 10), output_bias = numbers(20), result(20 * 4 * 784);
  const Output output{result.data(), output_weight.data(), output_bias.data(), 20};
  OutputSums sums(p, output, 0, 28, false, b);
  sums.begin(0, 1.0f);
  sums.begin(1, 1.0f);
  std::fill_n(reinterpret_cast<float*>(b.lanes(28 * 4 * 80)), 28 * 4 * 80 * kLanes, 0.0f);

  struct Step {
    const char* name;
    double operations;  // vectors of products and additions, fused; of exponentials all operations
    double packs;       // that one call serves
    std::function<void()> work;
  };
  const double exponential = 12;
  t.safe = LaneInt{} - 1;
  const Step steps[] = {
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
       }},
      {"weights summed over query elements", 3200, 1, [&] { factorised_weights_in_place(t); }},
      {"values, weighted", 4000, 1, [&] { window_sum<false>(at_out, t.content, 4, at_value, 4, 25); }},
      {"product to the output", 800, 1, [&] { sums.add(2, 1, at_out); }},
  };
  const double rate = clock_rate();
  std::printf("%.2f GHz, %d lanes\n%-46s %8s %8s %6s\n", rate / 1e9, kLanes, "step, for one pack of pixels", "cycles",
              "floor", "ratio");
  double total = 0, floor = 0, scores = 0;
  for (const Step& step : steps) {
    double cycles = fastest(step.work, 20, 400) * rate / step.packs;
    if (&step == &steps[3]) scores = cycles;
    if (&step == &steps[6]) cycles -= scores;
    const double least = step.operations / 2;  // two operations a cycle
    std::printf("%-46s %8.0f %8.0f %6.2f\n", step.name, cycles, least, cycles / least);
    total += cycles;
    floor += least;
  }
  std::printf("%-46s %8.0f %8.0f %6.2f\n", "all", total, floor, total / floor);
  double packs = 0;
  for (const int side : {28, 24, 12, 8, 6}) {
    Problem block = p;
    block.width = block.height = side;
    const HeadMap map(block, 1, 2, shares_packs(block));
    packs += 9 * (side * map.layout.packs + map.layout.shares * side / 2);
  }
  std::printf("the five blocks have %.0f packs: %.2f ms on two cores, floor %.2f ms\n", packs,
              total * packs / rate * 500, floor * packs / rate * 500);
}
