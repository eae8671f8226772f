// Matrix products of one thread: GFLOP/s, and the share of the machine's multiply-add peak.
#include <benchmark/benchmark.h>

#include <vector>

#include "peak.hpp"
#include "shunt/kernels/gemm.hpp"

using namespace shunt;
using namespace shunt::kernels;

// Arguments: m, n, k, and whether b is stored by columns, as the weight of a linear layer is.
template <class T>
void product(benchmark::State& state) {
  set_num_threads(1);
  const std::int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const std::vector<T> a(static_cast<std::size_t>(m * k), T(0.5)), b(static_cast<std::size_t>(k * n), T(0.25));
  std::vector<T> c(static_cast<std::size_t>(m * n));
  const Operand<T> left{a.data(), k, 1},
      right = state.range(3) != 0 ? Operand<T>{b.data(), 1, k} : Operand<T>{b.data(), n, 1};
  for (auto _ : state) {
    gemm<T>(m, n, k, left, right, c.data(), n);
    benchmark::ClobberMemory();
  }
  const double flops = 2e-9 * static_cast<double>(m * n * k);
  const double peak = peak_gflops() * static_cast<double>(sizeof(float)) / static_cast<double>(sizeof(T));
  state.counters["GFLOP/s"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] = benchmark::Counter(flops / peak, benchmark::Counter::kIsIterationInvariantRate);
}

void sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"m", "n", "k", "bT"})->UseRealTime();
  for (std::int64_t transposed : {0, 1}) {
    for (std::int64_t n : {16, 64, 128, 256, 512, 1024}) bench->Args({n, n, n, transposed});
    bench->Args({32, 64, 64, transposed});
    bench->Args({4, 2, 2, transposed});
    bench->Args({1, 1000, 2048, transposed});
    bench->Args({32, 10, 64, transposed});
    bench->Args({1024, 384, 384, transposed});
    bench->Args({32, 4096, 1024, transposed});
  }
}

BENCHMARK_TEMPLATE(product, float)->Apply(sizes);
BENCHMARK_TEMPLATE(product, double)->Args({64, 64, 64, 0})->Args({1024, 1024, 1024, 0})->UseRealTime();
