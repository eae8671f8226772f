// checkpoint: the same bits as without it, in less memory.
#include "shunt/shunt.hpp"
#include "support/catch.hpp"

using namespace shunt;

namespace {

bool same_bits(const Tensor<float>& a, const Tensor<float>& b) {
  return a.shape() == b.shape() && a.to_vector() == b.to_vector();
}

nn::Sequential<float> branch(std::int64_t width) {
  return nn::Sequential(nn::Linear(width, width), nn::Tanh(), nn::Linear(width, width));
}

/// Noise from the process's generator, as dropout draws it.
Tensor<float> noisy(const Tensor<float>& x) { return x * rand(x.shape()); }

}  // namespace

TEST_CASE("checkpoint: gradients have the bits of the plain run", "[autograd][checkpoint]") {
  manual_seed(11);
  auto net = nn::repeat(4, [] { return nn::ResidualBlock(branch(8)); });
  auto shared = nn::Linear(8, 8);
  const auto x0 = randn({5, 8}), g = randn({5, 8});
  const auto run = [&](int depth_of_nesting) {
    manual_seed(3);
    auto x = x0.clone().requires_grad();
    net.zero_grad();
    shared.zero_grad();
    const auto f = [&](const Tensor<float>& t) { return shared(noisy(net(shared(t)))); };
    Tensor<float> y;
    if (depth_of_nesting == 0) y = f(x);
    if (depth_of_nesting == 1) y = checkpoint(f, x);
    if (depth_of_nesting == 2) y = checkpoint([&](const Tensor<float>& t) { return checkpoint(f, t); }, x);
    (y + shared(x)).backward(g);
    std::vector<std::vector<float>> all{y.to_vector(), x.grad().to_vector()};
    for (const auto& p : net.parameters()) all.push_back(p.grad().to_vector());
    for (const auto& p : shared.parameters()) all.push_back(p.grad().to_vector());
    all.push_back(randn({3}).to_vector());  // the generator goes on from the same place
    return all;
  };
  const auto plain = run(0);
  CHECK(run(1) == plain);
  CHECK(run(2) == plain);
}

TEST_CASE("checkpoint: inside a residual block and under vjp and grad", "[autograd][checkpoint]") {
  struct Checkpointed : nn::Layer<float> {
    nn::Sequential<float> inner = branch(6);
    Tensor<float> forward(const Tensor<float>& x) override { return checkpoint(inner, x); }
    void members(nn::Members<float>& m) override { m("inner", inner); }
  };
  manual_seed(5);
  Checkpointed layer;
  auto block = nn::ResidualBlock(layer), plain = nn::ResidualBlock(layer.inner);
  const auto x = randn({3, 6}), g = randn({3, 6});
  const auto [a] = vjp([&](const auto& t) { return block(t); }, std::tuple{x}, g);
  const auto [b] = vjp([&](const auto& t) { return plain(t); }, std::tuple{x}, g);
  CHECK(same_bits(a, b));
  for (const auto& p : block.parameters()) CHECK_FALSE(p.has_grad());

  const auto through = grad((block(x) * g).sum(), block.parameters());
  const auto direct = grad((plain(x) * g).sum(), plain.parameters());
  REQUIRE(through.size() == direct.size());
  for (std::size_t i = 0; i < direct.size(); ++i) CHECK(same_bits(through[i], direct[i]));
  for (const auto& p : block.parameters()) CHECK_FALSE(p.has_grad());
}

TEST_CASE("checkpoint: keeps only the ends of a piece", "[autograd][checkpoint]") {
  auto net = nn::repeat(64, [] { return nn::ResidualBlock(branch(64)); });
  auto x = randn({64, 64}).requires_grad();
  const auto live_after_forward = [&](bool pieces) {
    const auto before = memory_stats().live;
    Tensor<float> y = pieces ? checkpoint(net, x) : net(x);
    return memory_stats().live - before;
  };
  const auto plain = live_after_forward(false), kept = live_after_forward(true);
  CHECK(kept * 50 < plain);
}

TEST_CASE("checkpoint: the replay has the training flags of the first run", "[autograd][checkpoint]") {
  struct Flagged : nn::Layer<float> {
    std::vector<bool> seen;
    Tensor<float> forward(const Tensor<float>& x) override {
      seen.push_back(this->is_training());
      return x * (this->is_training() ? 2.0 : 3.0);
    }
  } layer;
  auto x = ones({2}).requires_grad();
  auto y = checkpoint(layer, x);
  layer.eval();
  y.backward(ones({2}));
  CHECK(layer.seen == std::vector<bool>{true, true});
  CHECK_FALSE(layer.is_training());
  CHECK(x.grad().to_vector() == std::vector<float>{2, 2});
}

TEST_CASE("checkpoint: without a gradient to compute it is a plain call", "[autograd][checkpoint]") {
  int calls = 0;
  const auto f = [&](const Tensor<float>& t) {
    ++calls;
    return t * 2;
  };
  CHECK_FALSE(checkpoint(f, ones({2})).wants_grad());
  const NoGrad unrecorded;
  CHECK_FALSE(checkpoint(f, ones({2}).requires_grad()).wants_grad());
  CHECK(calls == 2);
}

TEST_CASE("checkpoint: twice with retain_graph, and a changed input is noticed", "[autograd][checkpoint]") {
  auto x = randn({4}).requires_grad();
  auto h = x * 3;
  auto y = checkpoint([](const Tensor<float>& t) { return t * t; }, h);
  y.backward(ones({4}), {.retain_graph = true});
  const auto once = x.grad().to_vector();
  y.backward(ones({4}), {.retain_graph = true});
  for (std::size_t i = 0; i < once.size(); ++i) CHECK(x.grad().to_vector()[i] == 2 * once[i]);
  {
    const NoGrad unrecorded;
    h.add_(1);
  }
  CHECK_THROWS_AS(y.backward(ones({4})), GraphError);
}
