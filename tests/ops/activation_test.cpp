#include <cmath>
#include <limits>

#include "shunt/tensor.hpp"
#include "support/check_op.hpp"
#include "support/oracle.hpp"

using namespace shunt;

TEST_CASE("activations: value and gradients", "[ops][activation]") {
  const auto shape = GENERATE(Shape{3, 5}, Shape{}, Shape{2, 0}, Shape{67});
  const auto like = [](auto f) { return CheckOptions{.draw = draw::away_from_zero, .oracle = oracle::pointwise(f)}; };
  check_op(
      "relu", [](const auto& x) { return relu(x[0]); }, {shape}, like([](double v) { return v > 0 ? v : 0; }));
  check_op(
      "leaky_relu", [](const auto& x) { return leaky_relu(x[0]); }, {shape},
      like([](double v) { return v > 0 ? v : 0.01 * v; }));
  check_op(
      "leaky_relu", [](const auto& x) { return leaky_relu(x[0], 0.2); }, {shape},
      like([](double v) { return v > 0 ? v : 0.2 * v; }));
  check_op(
      "elu", [](const auto& x) { return elu(x[0]); }, {shape},
      like([](double v) { return v > 0 ? v : std::expm1(v); }));
  check_op(
      "elu", [](const auto& x) { return elu(x[0], 1.7); }, {shape},
      like([](double v) { return v > 0 ? v : 1.7 * std::expm1(v); }));
  check_op(
      "silu", [](const auto& x) { return silu(x[0]); }, {shape}, like([](double v) { return v / (1 + std::exp(-v)); }));
  check_op(
      "softplus", [](const auto& x) { return softplus(x[0]); }, {shape},
      like([](double v) { return std::log1p(std::exp(v)); }));
  check_op(
      "softplus", [](const auto& x) { return softplus(x[0], {.beta = 3, .threshold = 2}); }, {shape},
      like([](double v) { return 3 * v > 2 ? v : std::log1p(std::exp(3 * v)) / 3; }));
  check_op(
      "gelu", [](const auto& x) { return gelu(x[0]); }, {shape},
      like([](double v) { return v * 0.5 * std::erfc(-v / std::sqrt(2.)); }));
  check_op(
      "gelu", [](const auto& x) { return gelu(x[0], {.approximate = "tanh"}); }, {shape}, like([](double v) {
        return 0.5 * v * (1 + std::tanh(std::sqrt(2 / std::acos(-1.)) * (v + 0.044715 * v * v * v)));
      }));
}

TEST_CASE("activations: values and gradients at the kink and far out", "[ops][activation]") {
  const double inf = std::numeric_limits<double>::infinity();
  const auto both = [](auto f, double at) {
    auto x = tensor<double>({at}).requires_grad();
    const auto y = f(x);
    y.sum().backward();
    return std::pair(y.item(), x.grad().item());
  };
  using P = std::pair<double, double>;
  CHECK(both([](auto& x) { return relu(x); }, 0) == P(0, 0));
  CHECK(both([](auto& x) { return leaky_relu(x, 0.25); }, 0) == P(0, 0.25));
  CHECK(both([](auto& x) { return elu(x, 2); }, 0) == P(0, 2));
  CHECK(both([](auto& x) { return elu(x, 2); }, -inf) == P(-2, 0));
  CHECK(both([](auto& x) { return softplus(x); }, 21) == P(21, 1));
  CHECK(both([](auto& x) { return softplus(x); }, -1000) == P(0, 0));
  CHECK(both([](auto& x) { return sigmoid(x); }, -1000) == P(0, 0));
  CHECK(both([](auto& x) { return sigmoid(x); }, 1000) == P(1, 0));
  CHECK(both([](auto& x) { return silu(x); }, 1000) == P(1000, 1));
  CHECK(both([](auto& x) { return gelu(x); }, 1000) == P(1000, 1));
  CHECK(both([](auto& x) { return tanh(x); }, -1000) == P(-1, 0));
}

TEST_CASE("sigmoid and silu: derivatives stay finite far out in dual numbers too", "[ops][activation]") {
  const auto x = tensor<double>({-1000, 1000}), v = ones_like(x);
  const auto forward = jvp([](const auto& z) { return sigmoid(z); }, std::tuple(x), std::tuple(v));
  CHECK(forward.to_vector() == std::vector<double>{0, 0});
  CHECK(jvp([](const auto& z) { return silu(z); }, std::tuple(x), std::tuple(v)).to_vector() ==
        std::vector<double>{0, 1});
}

TEST_CASE("gelu: an approximation that does not exist is a ValueError at run time", "[ops][activation]") {
  CHECK_THROWS_AS((Choice<"none", "tanh">::parse("sigmoid")), ValueError);
}

TEST_CASE("relu: a value that is given away lends its buffer, unless somebody else sees it", "[ops][activation]") {
  auto x = randn({3, 50});
  const auto expected = relu(x);
  auto alone = x.clone();
  const float* const at = alone.data();
  const auto y = relu(std::move(alone));
  CHECK(y.data() == at);
  CHECK(equal(y, expected));

  auto held = x.clone(), also = held, viewed = x.clone();
  const auto view = viewed.select(0, 1);
  CHECK(equal(relu(std::move(held)), expected));
  CHECK(equal(also, x));
  CHECK(equal(relu(std::move(viewed)), expected));
  CHECK(equal(view, x.select(0, 1)));
  CHECK(equal(relu(x.clone().t()), expected.t()));
}

TEST_CASE("relu: gradients through a value that lent its buffer", "[ops][activation]") {
  const auto g = randn<double>({4, 5});
  auto a = randn<double>({4, 5}).requires_grad(), b = a.detach().clone().requires_grad();
  relu(tanh(a) * 3).backward(g);  // the product is given away; tanh keeps its own result
  const auto t = tanh(b), p = t * 3;
  relu(p).backward(g);
  CHECK(equal(a.grad(), b.grad()));

  auto c = a.detach().clone().requires_grad();
  const auto s = relu(tanh(c));  // what tanh's gradient needs is not written over
  s.backward(g);
  auto d = a.detach().clone().requires_grad();
  const auto u = tanh(d);
  relu(u).backward(g);
  CHECK(equal(c.grad(), d.grad()));
}
