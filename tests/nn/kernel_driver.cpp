// The kernel as a program: a layer from standard input, its output and gradients to standard output.
// So that it can be compiled for another processor and run by an emulator.
#include <cstdio>
#include <vector>

#include "attention.cpp"

namespace {

std::vector<float> read(long count) {
  std::vector<float> numbers(count);
  if (std::fread(numbers.data(), 4, count, stdin) != size_t(count)) std::abort();
  return numbers;
}

void write(const std::vector<float>& numbers) { std::fwrite(numbers.data(), 4, numbers.size(), stdout); }

}  // namespace

int main() {
  e2viz::Problem p;
  if (std::fread(&p, sizeof p, 1, stdin) != 1) return 1;
  const long maps = long(p.batch) * p.head * p.depth * p.pixels();
  const auto query = read(maps * p.queries), key = read(maps * p.keys), value = read(maps * p.keys);
  const auto plane = read(long(p.outputs) * p.depth_plane * p.offsets());
  const auto group = read(long(p.outputs) * p.queries * p.keys * p.depth_group());
  const auto upstream = read(maps * p.outputs);
  const auto source = [](const std::vector<float>& tensor) { return e2viz::Source{tensor.data(), nullptr, nullptr, 0}; };
  const e2viz::Inputs inputs{source(query), source(key), source(value)};
  std::vector<float> out(upstream.size()), by_query(query.size()), by_key(key.size()), by_value(value.size()),
      by_plane(plane.size()), by_group(group.size());
  const e2viz::Output output{out.data(), nullptr, nullptr, 0};
  e2viz_attention_forward(&p, nullptr, &inputs, plane.data(), group.data(), &output);
  e2viz_attention_backward(&p, nullptr, &inputs, plane.data(), group.data(), upstream.data(), by_query.data(),
                           by_key.data(), by_value.data(), by_plane.data(), by_group.data());
  for (const auto& each : {out, by_query, by_key, by_value, by_plane, by_group}) write(each);
}
