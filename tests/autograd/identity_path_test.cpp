// The identity path: what the skip adds to a gradient, and what it costs.
#include "shunt/shunt.hpp"
#include "support/catch.hpp"

using namespace shunt;

namespace {

nn::Sequential<float> relu_branch(std::int64_t width) {
  return nn::Sequential(nn::Linear(width, width), nn::ReLU(), nn::Linear(width, width));
}
nn::Sequential<float> zero_branch(std::int64_t width) {
  auto last = nn::Linear(width, width);
  nn::init::zeros_(last.weight);
  nn::init::zeros_(last.bias);
  return nn::Sequential(nn::Linear(width, width), nn::ReLU(), std::move(last));
}

/// What one training step of a stack takes: buffers asked for, and the most bytes in use beyond what was there.
struct Cost {
  std::int64_t buffers, system, peak;
};
Cost step_cost(nn::Layer<float>& stack, const Tensor<float>& x) {
  Cost cost{};
  for (int i = 0; i < 3; ++i) {  // the third step is like all that follow
    stack.zero_grad();
    reset_peak_memory();
    const auto live = memory_stats().live;
    const auto before = allocation_counts();
    auto leaf = x.detach().requires_grad();
    auto y = stack(leaf);
    y.backward(ones_like(y));
    const auto after = allocation_counts();
    cost = {after.buffers - before.buffers, after.system - before.system, memory_stats().peak - live};
  }
  return cost;
}

}  // namespace

TEST_CASE("identity path: bit-exact through branches that are zero", "[autograd][identity]") {
  const std::int64_t depth = GENERATE(1, 10, 1000, 20000), width = depth > 1000 ? 2 : 16;
  auto stack = nn::repeat(depth, [&] { return nn::ResidualBlock(zero_branch(width)); });
  auto x = randn({4, width}).requires_grad();
  const auto g = randn({4, width});
  const auto y = stack(x);
  y.backward(g);
  CHECK(y.to_vector() == x.to_vector());
  CHECK(x.grad().to_vector() == g.to_vector());
}

TEST_CASE("identity path: for other branches it adds exactly the upstream gradient", "[autograd][identity]") {
  manual_seed(7);
  auto f = nn::Sequential<double>(nn::Linear<double>(9, 20), nn::Tanh<double>(), nn::Linear<double>(20, 9));
  const auto x = randn<double>({5, 9}), g = randn<double>({5, 9});
  auto block = nn::ResidualBlock(f);
  const auto [through] = vjp([&](const auto& t) { return block(t); }, std::tuple{x}, g);
  const auto [branch_only] = vjp([&](const auto& t) { return f(t); }, std::tuple{x}, g);
  CHECK((through - (branch_only + g)).abs().max().item() <= 1e-14);
}

TEST_CASE("identity path: the skip costs no buffer and no memory", "[autograd][identity]") {
  const std::int64_t width = GENERATE(64, 256), depth = 100;
  auto plain = nn::repeat(depth, [&] { return relu_branch(width); });
  auto residual = nn::repeat(depth, [&] { return nn::ResidualBlock(relu_branch(width)); });
  const auto x = randn({32, width});
  const Cost a = step_cost(plain, x), b = step_cost(residual, x);
  CHECK(b.buffers <= a.buffers);
  CHECK(b.peak <= a.peak + a.peak / 100);
}

TEST_CASE("a training step that has run twice asks the system for no buffer", "[autograd][identity]") {
#if !defined(__SANITIZE_ADDRESS__)
  auto stack = nn::repeat(50, [] { return nn::ResidualBlock(relu_branch(32)); });
  CHECK(step_cost(stack, randn({16, 32})).system == 0);
#endif
}
