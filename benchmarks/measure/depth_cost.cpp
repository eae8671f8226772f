// What depth costs: the residual stack against the same stack without the skip, in time and peak memory; and a stack of
// 100,000 blocks against one of 10,000. Runs are interleaved; medians and the spread are printed.
#include <shunt/shunt.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace {

using namespace shunt;

double seconds(const auto& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Times {
  std::vector<double> all;
  double median() {
    std::sort(all.begin(), all.end());
    return all[all.size() / 2];
  }
};

nn::Sequential<float> branch(std::int64_t width) {
  return nn::Sequential(nn::Linear(width, width), nn::ReLU(), nn::Linear(width, width));
}

struct Stack {
  nn::Sequential<float> net;
  std::vector<Tensor<float>> parameters;
  Times times;
  std::int64_t peak = 0;

  explicit Stack(nn::Sequential<float> n) : net(std::move(n)), parameters(net.parameters()) {}
  void step(const Tensor<float>& x, const Tensor<float>& g) {
    for (const auto& p : parameters) p.zero_grad();
    reset_peak_memory();
    const auto live = memory_stats().live;
    times.all.push_back(seconds([&] {
      auto leaf = x.detach().requires_grad();
      net(leaf).backward(g);
    }));
    peak = memory_stats().peak - live;
  }
};

void skip_against_none(std::int64_t width, int depth) {
  manual_seed(1);
  Stack plain(nn::repeat(depth, [&] { return nn::Sequential<float>().add(branch(width)); }));
  Stack residual(nn::repeat(depth, [&] { return nn::ResidualBlock(branch(width)); }));
  const auto x = randn({32, width}), g = randn({32, width});
  for (int i = 0; i < 13; ++i) {
    plain.step(x, g);
    residual.step(x, g);
    if (i == 1) plain.times.all.clear(), residual.times.all.clear();
  }
  std::vector<double> ratios;
  for (std::size_t i = 0; i < plain.times.all.size(); ++i) ratios.push_back(residual.times.all[i] / plain.times.all[i]);
  std::sort(ratios.begin(), ratios.end());
  std::printf(
      "width %4lld depth %d batch 32: plain %.1f ms, residual %.1f ms, time ratio %.3f (%.3f to %.3f), peak ratio "
      "%.4f\n",
      static_cast<long long>(width), depth, 1e3 * plain.times.median(), 1e3 * residual.times.median(),
      ratios[ratios.size() / 2], ratios.front(), ratios.back(),
      static_cast<double>(residual.peak) / static_cast<double>(plain.peak));
}

double whole_life(int depth) {
  return seconds([&] {
    manual_seed(1);
    auto net = nn::repeat(depth, [] { return nn::ResidualBlock(branch(2)); });
    auto x = randn({4, 2}).requires_grad();
    net(x).backward(randn({4, 2}));
  });
}

}  // namespace

int main() {
  set_num_threads(1);
  for (std::int64_t width : {64, 256}) skip_against_none(width, 1000);
  Times shallow, deep;
  for (int i = 0; i < 5; ++i) {
    shallow.all.push_back(whole_life(10'000));
    deep.all.push_back(whole_life(100'000));
  }
  std::printf("blocks of width 2, made, forward, backward and freed: 10,000 in %.3f s, 100,000 in %.3f s, ratio %.1f\n",
              shallow.median(), deep.median(), deep.median() / shallow.median());
}
