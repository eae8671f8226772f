// Convolutions of the usual networks on one thread, forward and both gradients: GFLOP/s and the share of the peak,
// which Winograd's 3 x 3 ones exceed, since the multiplications counted are the direct ones.
#include <benchmark/benchmark.h>

#include <vector>

#include "peak.hpp"
#include "shunt/kernels/conv.hpp"

using namespace shunt;
using namespace shunt::kernels;

enum class Pass { forward, data, weights };

// Arguments: images, channels, size, filters, kernel, stride, groups.
template <Pass pass>
void convolution(benchmark::State& state) {
  set_num_threads(1);
  const std::int64_t n = state.range(0), c = state.range(1), size = state.range(2), k = state.range(3);
  const std::int64_t kernel = state.range(4), stride = state.range(5), groups = state.range(6), pad = kernel / 2;
  const std::int64_t out = (size + 2 * pad - kernel) / stride + 1;
  const ConvShape s{n, c, size, size, k, kernel, kernel, stride, stride, pad, pad, 1, 1, groups, out, out};
  const auto filled = [](std::int64_t count) { return std::vector<float>(static_cast<std::size_t>(count), 0.5F); };
  auto x = filled(n * c * size * size), w = filled(k * (c / groups) * kernel * kernel), y = filled(n * k * out * out);
  for (auto _ : state) {
    if (pass == Pass::forward) conv_forward<float>(s, x.data(), w.data(), nullptr, y.data());
    if (pass == Pass::data) conv_backward_data<float>(s, y.data(), w.data(), x.data());
    if (pass == Pass::weights) conv_backward_weights<float>(s, x.data(), y.data(), w.data());
    benchmark::ClobberMemory();
  }
  const double flops = 2e-9 * static_cast<double>(n * k * out * out * (c / groups) * kernel * kernel);
  state.counters["GFLOP/s"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] = benchmark::Counter(flops / peak_gflops(), benchmark::Counter::kIsIterationInvariantRate);
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"n", "c", "size", "k", "kernel", "stride", "groups"})->UseRealTime();
  for (const std::vector<std::int64_t>& shape : std::vector<std::vector<std::int64_t>>{{32, 3, 32, 16, 3, 1, 1},
                                                                                       {32, 16, 32, 16, 3, 1, 1},
                                                                                       {32, 16, 32, 32, 3, 2, 1},
                                                                                       {32, 32, 16, 32, 3, 1, 1},
                                                                                       {32, 64, 8, 64, 3, 1, 1},
                                                                                       {32, 16, 32, 32, 1, 2, 1},
                                                                                       {4, 3, 224, 64, 7, 2, 1},
                                                                                       {1, 64, 56, 64, 3, 1, 1},
                                                                                       {4, 64, 56, 64, 3, 1, 1},
                                                                                       {1, 64, 128, 64, 3, 1, 1},
                                                                                       {4, 64, 56, 256, 1, 1, 1},
                                                                                       {4, 128, 56, 128, 3, 2, 1},
                                                                                       {4, 128, 28, 128, 3, 1, 1},
                                                                                       {1, 256, 14, 256, 3, 1, 1},
                                                                                       {4, 256, 14, 256, 3, 1, 1},
                                                                                       {4, 1024, 14, 256, 1, 1, 1},
                                                                                       {4, 512, 7, 512, 3, 1, 1},
                                                                                       {4, 64, 28, 64, 3, 1, 64},
                                                                                       {4, 128, 28, 128, 3, 1, 32}}) {
    bench->Args(shape);
  }
}

BENCHMARK_TEMPLATE(convolution, Pass::forward)->Apply(shapes);
BENCHMARK_TEMPLATE(convolution, Pass::data)->Apply(shapes);
BENCHMARK_TEMPLATE(convolution, Pass::weights)->Apply(shapes);
