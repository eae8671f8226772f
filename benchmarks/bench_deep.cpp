// Deep stacks: time and peak memory a block of one training step, plain against residual, 10 to 10,000 blocks.
#include <benchmark/benchmark.h>
#include <shunt/shunt.hpp>

namespace {

using namespace shunt;

nn::Sequential<float> branch(std::int64_t width) {
  return nn::Sequential(nn::Linear(width, width), nn::ReLU(), nn::Linear(width, width));
}

/// Forward, backward and release of `depth` blocks of width `width`, batch 32.
void step(benchmark::State& state, bool residual) {
  const std::int64_t depth = state.range(0), width = state.range(1);
  manual_seed(1);
  nn::Sequential<float> stack;
  for (std::int64_t i = 0; i < depth; ++i) {
    if (residual)
      stack.add(nn::ResidualBlock(branch(width)));
    else
      stack.add(nn::Sequential<float>(branch(width)));
  }
  const auto x = randn({32, width}), g = randn({32, width});
  const auto params = stack.parameters();
  const auto once = [&] {
    for (const auto& p : params) p.zero_grad();
    auto leaf = x.detach().requires_grad();
    stack(leaf).backward(g);
  };
  once();
  once();
  for (const auto& p : params) p.zero_grad();
  reset_peak_memory();
  const auto live = memory_stats().live;
  const auto before = allocation_counts();
  for (auto _ : state) once();
  const auto after = allocation_counts();
  const auto blocks = static_cast<double>(depth), steps = static_cast<double>(state.iterations());
  state.counters["time/block"] =
      benchmark::Counter(blocks * steps, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["bytes/block"] = static_cast<double>(memory_stats().peak - live) / blocks;
  state.counters["buffers/block"] = static_cast<double>(after.buffers - before.buffers) / blocks / steps;
  state.counters["system"] = static_cast<double>(after.system - before.system);
}

void plain(benchmark::State& state) { step(state, false); }
void residual(benchmark::State& state) { step(state, true); }

void depths(benchmark::internal::Benchmark* b) {
  for (int width : {64, 256})
    for (int depth : {10, 100, 1000, 10000})
      if (width == 64 || depth <= 1000) b->Args({depth, width});
  b->ArgNames({"depth", "width"})->Unit(benchmark::kMillisecond)->UseRealTime();
}

/// What one recorded operation costs: forward and backward of an addition of 8 elements.
void recorded_operation(benchmark::State& state) {
  auto x = randn({8}).requires_grad();
  const auto y = randn({8}), g = ones({8});
  for (auto _ : state) {
    auto z = x;
    for (int i = 0; i < 100; ++i) z = add(z, y);
    z.backward(g);
    x.zero_grad();
  }
  state.counters["time/op"] = benchmark::Counter(100 * static_cast<double>(state.iterations()),
                                                 benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

}  // namespace

BENCHMARK(plain)->Apply(depths);
BENCHMARK(residual)->Apply(depths);
BENCHMARK(recorded_operation);
