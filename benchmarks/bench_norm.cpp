// Normalisation, dropout and attention on one thread. GB/s counts each operand once, so that a pass from cache may show
// more than memory gives; attention shows GFLOP/s of its products and their share of the peak.
#include <benchmark/benchmark.h>

#include "peak.hpp"
#include "shunt/tensor.hpp"

using namespace shunt;

namespace {

void count_bytes(benchmark::State& state, const Tensor<float>& x, double operands) {
  state.counters["GB/s"] = benchmark::Counter(4e-9 * operands * static_cast<double>(x.numel()),
                                              benchmark::Counter::kIsIterationInvariantRate);
}
/// Forward, or backward alone, of f(x, w, b).
template <class F>
void run(benchmark::State& state, const Shape& shape, const Shape& weights, bool backward, const F& f) {
  set_num_threads(1);
  Tensor<float> x = randn(shape), w = ones(weights), b = zeros(weights);
  const auto g = randn(shape);
  if (backward) {
    x.requires_grad(), w.requires_grad(), b.requires_grad();
    const auto y = f(x, w, b);
    for (auto _ : state) benchmark::DoNotOptimize(grad(y, {x, w, b}, g, {.retain_graph = true}));
  } else {
    for (auto _ : state) benchmark::DoNotOptimize(f(x, w, b).data());
  }
  count_bytes(state, x, backward ? 3 : 2);
}

}  // namespace

void copy(benchmark::State& state) {
  set_num_threads(1);
  const auto x = randn({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(x.clone().data());
  count_bytes(state, x, 2);
}
BENCHMARK(copy)->Arg(1 << 19)->Arg(1 << 22);

void layer_norm(benchmark::State& state) {
  const std::int64_t n = state.range(1);
  run(state, {state.range(0), n}, {n}, state.range(2) != 0,
      [&](auto& x, auto& w, auto& b) { return shunt::layer_norm(x, {n}, w, b); });
}
BENCHMARK(layer_norm)->ArgNames({"rows", "n", "back"})->ArgsProduct({{1024}, {64, 384, 768}, {0, 1}});

void rms_norm(benchmark::State& state) {
  const std::int64_t n = state.range(1);
  run(state, {state.range(0), n}, {n}, state.range(2) != 0,
      [&](auto& x, auto& w, auto& b) { return shunt::rms_norm(x, {n}, w) + b; });
}
BENCHMARK(rms_norm)->ArgNames({"rows", "n", "back"})->Args({1024, 384, 0});

void batch_norm(benchmark::State& state) {
  const std::int64_t c = state.range(1), size = state.range(2);
  const Shape shape = size == 0 ? Shape{state.range(0), c} : Shape{state.range(0), c, size, size};
  run(state, shape, {c}, state.range(3) != 0, [&](auto& x, auto& w, auto& b) {
    return shunt::batch_norm(x, Tensor<float>(), Tensor<float>(), w, b, {.training = true});
  });
}
BENCHMARK(batch_norm)
    ->ArgNames({"n", "c", "size", "back"})
    ->ArgsProduct({{32}, {16}, {32}, {0, 1}})
    ->ArgsProduct({{4}, {64}, {56}, {0, 1}})
    ->ArgsProduct({{4}, {512}, {7}, {0, 1}})
    ->ArgsProduct({{128}, {256}, {0}, {0, 1}});

void group_norm(benchmark::State& state) {
  run(state, {4, 64, 28, 28}, {64}, state.range(0) != 0,
      [&](auto& x, auto& w, auto& b) { return shunt::group_norm(x, 32, w, b); });
}
BENCHMARK(group_norm)->ArgName("back")->Arg(0)->Arg(1);

void dropout(benchmark::State& state) {
  set_num_threads(1);
  const auto x = randn({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(shunt::dropout(x, 0.1, true).data());
  count_bytes(state, x, 2);
}
BENCHMARK(dropout)->Arg(1 << 19);

/// Arguments: heads, t = s, e, causal, backward alone.
void attention(benchmark::State& state) {
  set_num_threads(1);
  const std::int64_t heads = state.range(0), t = state.range(1), e = state.range(2);
  const bool causal = state.range(3) != 0, backward = state.range(4) != 0;
  Tensor<float> q = randn({heads, t, e}), k = randn({heads, t, e}), v = randn({heads, t, e});
  const auto g = randn({heads, t, e});
  if (backward) {
    q.requires_grad(), k.requires_grad(), v.requires_grad();
    const auto y = scaled_dot_product_attention(q, k, v, {.is_causal = causal});
    for (auto _ : state) benchmark::DoNotOptimize(grad(y, {q, k, v}, g, {.retain_graph = true}));
  } else {
    for (auto _ : state) benchmark::DoNotOptimize(scaled_dot_product_attention(q, k, v, {.is_causal = causal}).data());
  }
  const double flops = 2e-9 * static_cast<double>(heads * t * t * e) * (backward ? 5 : 2) * (causal ? 0.5 : 1);
  state.counters["GFLOP/s"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] = benchmark::Counter(flops / peak_gflops(), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(attention)
    ->ArgNames({"heads", "t", "e", "causal", "back"})
    ->ArgsProduct({{6}, {1024}, {64}, {0, 1}, {0, 1}})
    ->ArgsProduct({{48}, {64}, {64}, {1}, {0, 1}});
