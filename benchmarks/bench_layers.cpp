// Layers of image networks, forward and backward on one thread, each with the bytes it must at least move; and whole
// training steps of the networks for CIFAR.
#include <benchmark/benchmark.h>
#include <shunt/shunt.hpp>

namespace {

using namespace shunt;

/// One layer at (n, channels, size, size).
template <class L>
void run(benchmark::State& state, L layer, const Shape& shape, bool backward) {
  set_num_threads(1);
  manual_seed(1);
  const auto x = randn(shape);
  const auto g = randn_like(layer(x).detach());
  for (auto _ : state) {
    if (backward) {
      const auto leaf = x.detach().requires_grad();
      layer(leaf).backward(g);
      layer.zero_grad();
    } else {
      const NoGrad unrecorded;
      benchmark::DoNotOptimize(layer(x).data());
    }
  }
  const auto floats = static_cast<double>(x.numel() + g.numel());
  state.counters["bytes/s"] =
      benchmark::Counter((backward ? 8 : 4) * floats, benchmark::Counter::kIsIterationInvariantRate);
}

template <class L>
void add(const char* name, const L& layer, const Shape& shape) {
  for (const bool backward : {false, true})
    benchmark::RegisterBenchmark((std::string(name) + (backward ? "/step " : "/forward ") + to_string(shape)).c_str(),
                                 [=](benchmark::State& s) { run<L>(s, layer, shape, backward); })
        ->Unit(benchmark::kMicrosecond);
}

/// Forward, loss, backward and optimizer of resnet_cifar(depth); arguments: depth, version, plain, batch.
void cifar_step(benchmark::State& state) {
  set_num_threads(1);
  manual_seed(1);
  auto net =
      models::resnet_cifar(state.range(0), {.plain = state.range(2) != 0, .version = static_cast<int>(state.range(1))});
  const auto x = randn({state.range(3), 3, 32, 32});
  const auto target = randint(0, 10, {state.range(3)});
  optim::SGD sgd(net.parameters(), {.lr = 0.01, .momentum = 0.9});
  for (auto _ : state) {
    net.zero_grad();
    cross_entropy(net(x), target).backward();
    sgd.step();
  }
}
BENCHMARK(cifar_step)
    ->ArgNames({"depth", "version", "plain", "batch"})
    ->Args({20, 1, 0, 32})
    ->Args({20, 1, 1, 32})
    ->Args({110, 1, 0, 16})
    ->Args({29, 2, 0, 32})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

const bool registered = [] {
  add("Conv2d 3x3", nn::Conv2d({.in = 64, .out = 64, .kernel = 3, .padding = 1, .bias = false}), {4, 64, 56, 56});
  add("Conv2d 3x3 with bias", nn::Conv2d({.in = 16, .out = 16, .kernel = 3, .padding = 1}), {32, 16, 32, 32});
  add("ConvTranspose2d 2x2", nn::ConvTranspose2d({.in = 64, .out = 32, .kernel = 2, .stride = 2}), {4, 64, 28, 28});
  add("MaxPool2d 3x3 by 2", nn::MaxPool2d(3, {.stride = 2, .padding = 1}), {4, 64, 112, 112});
  add("MaxPool2d 2x2", nn::MaxPool2d(2), {4, 64, 112, 112});
  add("AvgPool2d 2x2", nn::AvgPool2d(2), {4, 64, 112, 112});
  add("AdaptiveAvgPool2d", nn::AdaptiveAvgPool2d(1), {4, 2048, 7, 7});
  add("Upsample nearest", nn::Upsample({.scale_factor = 2}), {4, 64, 56, 56});
  add("Upsample bilinear", nn::Upsample({.scale_factor = 2, .mode = "bilinear"}), {4, 64, 56, 56});
  add("BatchNorm2d", nn::BatchNorm2d(64), {4, 64, 56, 56});
  add("ReLU", nn::ReLU(), {4, 64, 56, 56});
  return true;
}();

}  // namespace
