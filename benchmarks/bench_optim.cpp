// A step of each optimizer over one large array, over a thousand small layers, and the time that memory alone needs.
#include <benchmark/benchmark.h>

#include <shunt/shunt.hpp>

using namespace shunt;

namespace {

std::vector<Tensor<float>> params(std::int64_t count, std::int64_t n) {
  std::vector<Tensor<float>> all;
  for (std::int64_t i = 0; i < count; ++i) {
    all.push_back(randn({n}).requires_grad());
    all.back().backward(randn({n}));
  }
  return all;
}
/// Arguments: arrays, elements of each. Counts bytes as read and written once each.
template <class Make>
void steps(benchmark::State& state, int arrays_moved, const Make& make) {
  auto opt = make(params(state.range(0), state.range(1)));
  opt.step();
  for (auto _ : state) opt.step();
  state.SetBytesProcessed(state.iterations() * state.range(0) * state.range(1) * 4 * arrays_moved);
}

void sgd(benchmark::State& s) {
  steps(s, 3, [](auto p) { return optim::SGD(p, {.lr = 1e-9}); });
}
void sgd_momentum(benchmark::State& s) {
  steps(s, 5, [](auto p) { return optim::SGD(p, {.lr = 1e-9, .momentum = 0.9}); });
}
void adamw(benchmark::State& s) {
  steps(s, 7, [](auto p) { return optim::AdamW(p, {.lr = 1e-9}); });
}
void rmsprop(benchmark::State& s) {
  steps(s, 5, [](auto p) { return optim::RMSprop(p, {.lr = 1e-9}); });
}
void clip(benchmark::State& s) {
  const auto p = params(s.range(0), s.range(1));
  for (auto _ : s) benchmark::DoNotOptimize(optim::clip_grad_norm_(p, 1e9));
  s.SetBytesProcessed(s.iterations() * s.range(0) * s.range(1) * 4);
}
/// The bound: two arrays read and one written, element by element.
void add_arrays(benchmark::State& s) {
  const auto a = randn({s.range(1)}), b = randn({s.range(1)});
  for (auto _ : s) a.add_(b);
  s.SetBytesProcessed(s.iterations() * s.range(1) * 4 * 3);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->Args({1, 1 << 24})->Args({2000, 4096})->Args({2000, 64})->Unit(benchmark::kMicrosecond);
}

}  // namespace

BENCHMARK(sgd)->Apply(sizes);
BENCHMARK(sgd_momentum)->Apply(sizes);
BENCHMARK(adamw)->Apply(sizes);
BENCHMARK(rmsprop)->Apply(sizes);
BENCHMARK(clip)->Apply(sizes);
BENCHMARK(add_arrays)->Args({1, 1 << 24})->Unit(benchmark::kMicrosecond);
