// vjp, jvp and hvp against each other and against a network's finite differences.
#include "shunt/shunt.hpp"
#include "support/catch.hpp"

using namespace shunt;

TEST_CASE("vjp and jvp are adjoint", "[autograd]") {
  manual_seed(2);
  const auto f = [](const auto& x, const auto& y) { return tanh(matmul(x, y)) * x.sum(); };
  const auto x = randn<double>({3, 4}), y = randn<double>({4, 2}), u = randn<double>({3, 4}), v = randn<double>({4, 2});
  const auto g = randn<double>({3, 2});
  const auto forward = jvp(f, std::tuple{x, y}, std::tuple{u, v});
  const auto [dx, dy] = vjp(f, std::tuple{x, y}, g);
  const double left = (forward * g).sum().item(), right = ((dx * u).sum() + (dy * v).sum()).item();
  CHECK(left == Approx(right).epsilon(1e-12));
}

namespace {
template <class S>
struct Net : nn::Layer<S> {
  nn::Linear<S> a{3, 5}, b{5, 1};
  Tensor<S> forward(const Tensor<S>& x) override { return b(tanh(a(x))); }
  void members(nn::Members<S>& m) override { m("a", a)("b", b); }
};
}  // namespace

TEST_CASE("hvp of a network through functional_call matches a difference of gradients", "[autograd]") {
  manual_seed(4);
  Net<double> net;
  Net<dual<double>> twin;
  const auto x = randn<double>({6, 3});
  const auto loss = [&](const StateDict& p) {
    const auto y = functional_call(twin, p, x.to<dual<double>>());
    return (y * y).mean();
  };
  const auto at = net.state_dict();
  StateDict v;
  for (const auto& [name, p] : at) v.set(name, randn<double>(p.shape()));
  const auto hv = hvp<double>(loss, at, v);

  const double h = 1e-6;
  const auto gradient = [&](double step) {
    Net<double> moved = net;
    {
      const NoGrad unrecorded;
      auto params = moved.named_parameters();
      for (auto& [name, p] : params) p.add_(v.at(name).as<double>() * step);
    }
    const auto y = moved(x);
    return grad((y * y).mean(), moved.parameters());
  };
  const auto up = gradient(h), down = gradient(-h);
  std::size_t i = 0;
  for (const auto& [name, entry] : hv) {
    const auto expected = (up[i] - down[i]) * (1 / (2 * h));
    CHECK((entry.as<double>() - expected).abs().max().item() < 1e-7);
    ++i;
  }
}

TEST_CASE("functional_call gives the layer its own parameters back", "[autograd]") {
  Net<float> net;
  const auto own = net.a.weight.data();
  StateDict other;
  other.set("a.weight", zeros({5, 3}).requires_grad());
  const auto y = functional_call(net, other, ones({1, 3}));
  y.sum().backward();
  CHECK(net.a.weight.data() == own);
  CHECK_FALSE(net.a.weight.has_grad());
  CHECK(other.at("a.weight").as<float>().has_grad());
  other.set("a.weight", zeros({2, 2}));
  CHECK_THROWS_AS(functional_call(net, other, ones({1, 3})), ShapeError);
  CHECK(net.a.weight.data() == own);
}
