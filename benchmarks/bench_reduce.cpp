// Reductions and softmax against the memory they have to read.
#include <benchmark/benchmark.h>
#include <shunt/tensor.hpp>

using namespace shunt;

namespace {

/// Bytes read (and written, where a result has the input's size) go beside the time.
template <class F>
void over(benchmark::State& state, const Shape& shape, int passes, const F& f) {
  set_num_threads(static_cast<int>(state.range(0)));
  const auto x = randn(shape);
  for (auto _ : state) benchmark::DoNotOptimize(f(x).data());
  state.SetBytesProcessed(state.iterations() * x.numel() * static_cast<std::int64_t>(sizeof(float)) * passes);
}

const Shape square = {1024, 1024};

void copy(benchmark::State& s) {
  over(s, square, 2, [](const auto& x) { return x.clone(); });
}
void sum_all(benchmark::State& s) {
  over(s, square, 1, [](const auto& x) { return sum(x); });
}
void sum_rows(benchmark::State& s) {
  over(s, square, 1, [](const auto& x) { return sum(x, 1); });
}
void sum_columns(benchmark::State& s) {
  over(s, square, 1, [](const auto& x) { return sum(x, 0); });
}
void sum_short_rows(benchmark::State& s) {
  over(s, {131072, 8}, 1, [](const auto& x) { return sum(x, 1); });
}
void sum_narrow_columns(benchmark::State& s) {
  over(s, {131072, 8}, 1, [](const auto& x) { return sum(x, 0); });
}
void sum_channels(benchmark::State& s) {
  over(s, {64, 64, 16, 16}, 1, [](const auto& x) { return sum(x, {0, 2, 3}); });
}
void max_all(benchmark::State& s) {
  over(s, square, 1, [](const auto& x) { return amax(x); });
}
void var_rows(benchmark::State& s) {
  over(s, square, 1, [](const auto& x) { return var(x, 1); });
}
void softmax_rows(benchmark::State& s) {
  over(s, square, 2, [](const auto& x) { return softmax(x, 1); });
}
void softmax_columns(benchmark::State& s) {
  over(s, square, 2, [](const auto& x) { return softmax(x, 0); });
}
void softmax_short_rows(benchmark::State& s) {
  over(s, {104858, 10}, 2, [](const auto& x) { return softmax(x, 1); });
}
void cross_entropy_rows(benchmark::State& s) {
  const auto target = randint(0, 1024, {1024});
  over(s, square, 1, [&](const auto& x) { return cross_entropy(x, target); });
}
/// Forward and backward, as a training step has them.
void cross_entropy_step(benchmark::State& s) {
  const auto target = randint(0, 1024, {1024});
  over(s, square, 3, [&](const auto& x) {
    auto leaf = x.detach().requires_grad();
    cross_entropy(leaf, target).backward();
    return leaf.grad();
  });
}
void sort_rows(benchmark::State& s) {
  over(s, square, 2, [](const auto& x) { return sort(x, 1).values; });
}

void threads(benchmark::internal::Benchmark* b) { b->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMicrosecond); }

BENCHMARK(copy)->Apply(threads);
BENCHMARK(sum_all)->Apply(threads);
BENCHMARK(sum_rows)->Apply(threads);
BENCHMARK(sum_columns)->Apply(threads);
BENCHMARK(sum_short_rows)->Apply(threads);
BENCHMARK(sum_narrow_columns)->Apply(threads);
BENCHMARK(sum_channels)->Apply(threads);
BENCHMARK(max_all)->Apply(threads);
BENCHMARK(var_rows)->Apply(threads);
BENCHMARK(softmax_rows)->Apply(threads);
BENCHMARK(softmax_columns)->Apply(threads);
BENCHMARK(softmax_short_rows)->Apply(threads);
BENCHMARK(cross_entropy_rows)->Apply(threads);
BENCHMARK(cross_entropy_step)->Apply(threads);
BENCHMARK(sort_rows)->Apply(threads);

}  // namespace
