// Elementwise operations beside a copy of the same tensors: bytes are those read and written.
#include <benchmark/benchmark.h>

#include <cstring>

#include "shunt/tensor.hpp"

namespace {

using shunt::Tensor;

void report(benchmark::State& state, std::int64_t tensors) {
  state.SetBytesProcessed(state.iterations() * tensors * state.range(0) * static_cast<std::int64_t>(sizeof(float)));
}

void copy(benchmark::State& state) {
  const auto x = shunt::randn({state.range(0)});
  const auto y = shunt::zeros_like(x);
  for (auto _ : state) {
    std::memcpy(y.data(), x.data(), static_cast<std::size_t>(x.numel()) * sizeof(float));
    benchmark::ClobberMemory();
  }
  report(state, 2);
}

template <class F>
void unary(benchmark::State& state, const F& f) {
  const auto x = shunt::randn({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(f(x).data());
  report(state, 2);
}
template <class F>
void binary(benchmark::State& state, const F& f) {
  const auto a = shunt::randn({state.range(0)}), b = shunt::randn({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(f(a, b).data());
  report(state, 3);
}

void sizes(benchmark::internal::Benchmark* b) { b->Arg(1 << 14)->Arg(1 << 20)->MinTime(0.2); }

}  // namespace

#define BENCH(kind, name, ...) BENCHMARK_CAPTURE(kind, name, [](const auto&... x) { return __VA_ARGS__; })->Apply(sizes)

BENCHMARK(copy)->Apply(sizes);
BENCH(binary, add, shunt::add(x...));
BENCH(binary, mul, shunt::mul(x...));
BENCH(binary, maximum, shunt::maximum(x...));
BENCH(binary, less, shunt::operator<(x...));
BENCH(unary, relu, shunt::relu(x...));
BENCH(unary, exp, shunt::exp(x...));
BENCH(unary, log, shunt::log(x...));
BENCH(unary, sqrt, shunt::sqrt(x...));
BENCH(unary, tanh, shunt::tanh(x...));
BENCH(unary, sigmoid, shunt::sigmoid(x...));
BENCH(unary, silu, shunt::silu(x...));
BENCH(unary, gelu, shunt::gelu(x...));
BENCH(unary, gelu_tanh, shunt::gelu(x..., {.approximate = "tanh"}));
BENCH(unary, elu, shunt::elu(x...));
BENCH(unary, softplus, shunt::softplus(x...));
BENCH(unary, sin, shunt::sin(x...));
BENCH(unary, cos, shunt::cos(x...));
BENCH(unary, pow, shunt::pow(shunt::abs(x...), 2.5));
#undef BENCH

BENCHMARK_MAIN();
