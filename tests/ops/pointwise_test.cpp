#include <cmath>
#include <limits>

#include "shunt/tensor.hpp"
#include "support/check_op.hpp"
#include "support/extremes.hpp"
#include "support/oracle.hpp"

using namespace shunt;

namespace {}  // namespace

TEST_CASE("arithmetic: value and gradients, broadcast in every way", "[ops][pointwise]") {
  const auto shapes = GENERATE(values<std::vector<Shape>>(
      {{{2, 3}, {2, 3}}, {{2, 3}, {3}}, {{2, 1}, {4, 1, 3}}, {{}, {3}}, {{0, 3}, {1, 3}}, {{70}, {70}}}));
  const auto two = [](auto f) { return oracle::pointwise(f); };
  check_op("add", [](const auto& x) { return x[0] + x[1]; }, shapes,
           {.oracle = two([](double a, double b) { return a + b; })});
  check_op("sub", [](const auto& x) { return x[0] - x[1]; }, shapes,
           {.oracle = two([](double a, double b) { return a - b; })});
  check_op("mul", [](const auto& x) { return x[0] * x[1]; }, shapes,
           {.oracle = two([](double a, double b) { return a * b; })});
  check_op("div", [](const auto& x) { return x[0] / x[1]; }, shapes,
           {.draw = draw::away_from_zero, .oracle = two([](double a, double b) { return a / b; })});
}

TEST_CASE("arithmetic with numbers: value and gradients", "[ops][pointwise]") {
  const CheckOptions away{.draw = draw::away_from_zero};
  const auto like = [](double (*f)(double)) {
    return CheckOptions{.draw = draw::away_from_zero, .oracle = oracle::pointwise(f)};
  };
  check_op(
      "add", [](const auto& x) { return 2 + (x[0] + 0.5); }, {{3, 5}}, like([](double v) { return v + 2.5; }));
  check_op(
      "sub", [](const auto& x) { return 1.5 - (x[0] - 2u); }, {{3, 5}}, like([](double v) { return 3.5 - v; }));
  check_op(
      "mul", [](const auto& x) { return 3 * (x[0] * 0.1); }, {{3, 5}}, like([](double v) { return v * 0.1 * 3; }));
  check_op(
      "div", [](const auto& x) { return 3 / (x[0] / 4); }, {{3, 5}}, like([](double v) { return 12 / v; }));
  check_op(
      "neg", [](const auto& x) { return -x[0]; }, {{3, 5}}, like([](double v) { return -v; }));
}

TEST_CASE("maximum, minimum and clamp: value and gradients away from ties", "[ops][pointwise]") {
  const CheckOptions apart{.draw = draw::distinct};
  const auto with = [&](auto f) {
    auto o = apart;
    o.oracle = oracle::pointwise(f);
    return o;
  };
  for (const auto& shapes : std::vector<std::vector<Shape>>{{{3, 4}, {3, 4}}, {{3, 4}, {4}}, {{0}, {0}}}) {
    check_op(
        "maximum", [](const auto& x) { return maximum(x[0], x[1]); }, shapes,
        with([](double a, double b) { return a > b ? a : b; }));
    check_op(
        "minimum", [](const auto& x) { return minimum(x[0], x[1]); }, shapes,
        with([](double a, double b) { return a < b ? a : b; }));
  }
  check_op(
      "clamp", [](const auto& x) { return clamp(x[0], -0.5, 0.75); }, {{3, 5}},
      with([](double v) { return std::min(std::max(v, -0.5), 0.75); }));
  check_op(
      "hardtanh", [](const auto& x) { return hardtanh(x[0], -0.5, 0.75); }, {{3, 5}},
      with([](double v) { return std::min(std::max(v, -0.5), 0.75); }));
  check_op(
      "clamp_min", [](const auto& x) { return x[0].clamp_min(0.3); }, {{3, 5}},
      with([](double v) { return std::max(v, 0.3); }));
  check_op(
      "clamp_max", [](const auto& x) { return x[0].clamp_max(0.3); }, {{3, 5}},
      with([](double v) { return std::min(v, 0.3); }));
}

TEST_CASE("elementary functions: value and gradients", "[ops][pointwise]") {
  const auto shape = GENERATE(Shape{3, 5}, Shape{}, Shape{2, 0}, Shape{67});
  const auto real = [](double (*f)(double)) { return CheckOptions{.oracle = oracle::pointwise(f)}; };
  const auto positive = [](double (*f)(double)) {
    return CheckOptions{.draw = draw::positive, .oracle = oracle::pointwise(f)};
  };
  check_op(
      "exp", [](const auto& x) { return exp(x[0]); }, {shape}, real([](double v) { return std::exp(v); }));
  check_op(
      "log", [](const auto& x) { return log(x[0]); }, {shape}, positive([](double v) { return std::log(v); }));
  check_op(
      "sqrt", [](const auto& x) { return sqrt(x[0]); }, {shape}, positive([](double v) { return std::sqrt(v); }));
  check_op(
      "rsqrt", [](const auto& x) { return rsqrt(x[0]); }, {shape}, positive([](double v) { return 1 / std::sqrt(v); }));
  check_op(
      "sin", [](const auto& x) { return sin(x[0]); }, {shape}, real([](double v) { return std::sin(v); }));
  check_op(
      "cos", [](const auto& x) { return cos(x[0]); }, {shape}, real([](double v) { return std::cos(v); }));
  check_op(
      "tanh", [](const auto& x) { return tanh(x[0]); }, {shape}, real([](double v) { return std::tanh(v); }));
  check_op(
      "sigmoid", [](const auto& x) { return sigmoid(x[0]); }, {shape},
      real([](double v) { return 1 / (1 + std::exp(-v)); }));
  check_op(
      "erf", [](const auto& x) { return erf(x[0]); }, {shape}, real([](double v) { return std::erf(v); }));
  check_op("abs", [](const auto& x) { return abs(x[0]); }, {shape},
           {.draw = draw::away_from_zero, .oracle = oracle::pointwise([](double v) { return std::abs(v); })});
}

TEST_CASE("pow: value and gradients for numbers and tensors on either side", "[ops][pointwise]") {
  const CheckOptions positive{.draw = draw::positive};
  const auto power = [](double (*f)(double)) {
    return CheckOptions{.draw = draw::away_from_zero, .oracle = oracle::pointwise(f)};
  };
  check_op(
      "pow", [](const auto& x) { return pow(x[0], 2); }, {{3, 4}}, power([](double v) { return v * v; }));
  check_op(
      "pow", [](const auto& x) { return pow(x[0], 3); }, {{3, 4}}, power([](double v) { return v * v * v; }));
  check_op(
      "pow", [](const auto& x) { return pow(x[0], -1); }, {{3, 4}}, power([](double v) { return 1 / v; }));
  check_op(
      "pow", [](const auto& x) { return pow(x[0], 0); }, {{3, 4}}, power([](double) { return 1.; }));
  check_op(
      "pow", [](const auto& x) { return pow(x[0], 2.5); }, {{3, 4}}, positive);
  check_op(
      "pow", [](const auto& x) { return pow(2, x[0]); }, {{3, 4}}, power([](double v) { return std::exp2(v); }));
  for (const auto& shapes : std::vector<std::vector<Shape>>{{{3, 4}, {3, 4}}, {{3, 1}, {4}}, {{0}, {}}})
    check_op("pow", [](const auto& x) { return pow(x[0], x[1]); }, shapes,
             {.draw = draw::positive, .oracle = oracle::pointwise([](double a, double b) { return std::pow(a, b); })});
}

TEST_CASE("in-place forms: value and gradients on a result", "[ops][inplace]") {
  const CheckOptions away{.draw = draw::away_from_zero};
  const std::vector<Shape> two{{3, 4}, {4}};
  const auto on_clone = [](auto f) {
    return [f](const auto& x) {
      const auto y = x[0].clone();
      f(y, x);
      return y;
    };
  };
  check_op("add_", on_clone([](const auto& y, const auto& x) { y.add_(x[1]); }), two, away);
  check_op("sub_", on_clone([](const auto& y, const auto& x) { y.sub_(x[1]); }), two, away);
  check_op("mul_", on_clone([](const auto& y, const auto& x) { y.mul_(x[1]); }), two, away);
  check_op("div_", on_clone([](const auto& y, const auto& x) { y.div_(x[1]); }), two, away);
  check_op("copy_", on_clone([](const auto& y, const auto& x) { y.copy_(x[1]); }), two, away);
  check_op("clamp_", on_clone([](const auto& y, const auto&) { y.clamp_(-0.5, 0.75); }), {{3, 4}},
           {.draw = draw::distinct});
  const auto numbers = [](const auto& y, const auto&) { (((y += 2) -= 0.5) *= 3) /= 4; };
  check_op("add_", on_clone(numbers), {{3, 4}}, away);
}

TEST_CASE("pointwise: gradients at ties, bounds and kinks are PyTorch's", "[ops][pointwise]") {
  const auto gradient = [](auto f, const std::vector<float>& at) {
    auto x = from_vector(at).requires_grad();
    f(x).sum().backward();
    return x.grad().to_vector();
  };
  using V = std::vector<float>;
  CHECK(gradient([](auto& x) { return abs(x); }, {-2, 0, 3}) == V{-1, 0, 1});
  CHECK(gradient([](auto& x) { return clamp(x, -1, 1); }, {-2, -1, 0, 1, 2}) == V{0, 1, 1, 1, 0});
  CHECK(gradient([](auto& x) { return hardtanh(x); }, {-2, -1, 0, 1, 2}) == V{0, 0, 1, 0, 0});
  CHECK(gradient([](auto& x) { return clamp_min(x, 1); }, {0, 1, 2}) == V{0, 1, 1});
  CHECK(gradient([](auto& x) { return clamp_max(x, 1); }, {0, 1, 2}) == V{1, 1, 0});
  CHECK(gradient([](auto& x) { return sqrt(x); }, {0, 4}) == V{float_inf, 0.25f});
  CHECK(gradient([](auto& x) { return pow(x, 0); }, {0, 2}) == V{0, 0});
  CHECK(gradient([](auto& x) { return pow(x, 1.0); }, {0, 2}) == V{1, 1});
  CHECK(gradient([](auto& x) { return pow(tensor({0, 0}), x); }, {0, 2}) == V{0, 0});
  for (auto f : {maximum<float>, minimum<float>}) {
    auto a = tensor({1, 1, 5}).requires_grad(), b = tensor({1, 2, 5}).requires_grad();
    f(a, b).sum().backward();
    CHECK(a.grad().to_vector()[0] == 0.5f);
    CHECK(b.grad().to_vector()[2] == 0.5f);
    CHECK((a.grad() + b.grad()).to_vector() == V{1, 1, 1});
  }
}

TEST_CASE("pointwise: a NaN passes where values are chosen", "[ops][pointwise]") {
  const auto x = from_vector<float>({float_nan, 1, float_nan}), y = from_vector<float>({1, float_nan, float_nan});
  CHECK(all(isnan(maximum(x, y))).item());
  CHECK(all(isnan(minimum(x, y))).item());
  for (const auto& z : {clamp(x, -1, 1), clamp_min(x, 0), clamp_max(x, 2), relu(x), abs(x)}) {
    CHECK(std::isnan(z.at({0})));
    CHECK(z.at({1}) == 1);
  }
  const auto at = tensor({-2, 0, 2}).requires_grad();
  for (const auto& z : {clamp(at, not_a_number, 1), clamp(at, -1, not_a_number)}) {  // as in PyTorch
    CHECK(all(isnan(z)).item());
    z.sum().backward();
    CHECK(at.grad().to_vector() == std::vector<float>{0, 0, 0});
  }
  CHECK_FALSE(std::signbit(abs(tensor({-0.0})).item()));
}

TEST_CASE("integers: C++'s division, powers, and errors instead of traps", "[ops][pointwise]") {
  const auto a = from_vector<std::int64_t>({7, -7, 9, -9}), b = from_vector<std::int64_t>({2, 2, -4, -4});
  using V = std::vector<std::int64_t>;
  CHECK((a / b).to_vector() == V{3, -3, -2, 2});
  CHECK((a / 2).to_vector() == V{3, -3, 4, -4});
  CHECK((100 / b).to_vector() == V{50, 50, -25, -25});
  CHECK(pow(b, 3).to_vector() == V{8, 8, -64, -64});
  CHECK(pow(3, from_vector<std::int64_t>({0, 1, 20})).to_vector() == V{1, 3, 3486784401});
  CHECK((a - std::size_t{1}).to_vector() == V{6, -8, 8, -10});
  CHECK(clamp(from_vector<std::uint8_t>({0, 7, 255}), -5, 300).to_vector() == std::vector<std::uint8_t>{0, 7, 255});

  const std::int64_t n = GENERATE(1, 32, 45);  // in a block, and behind whole ones
  const auto ones_then_zero = ones<std::int64_t>({n});
  CHECK((full<std::int64_t>({n}, 5) / ones_then_zero).at({n - 1}) == 5);
  ones_then_zero.at({n - 1}) = 0;
  CHECK_THROWS_AS(ones<std::int64_t>({n}) / ones_then_zero, ValueError);
  CHECK_THROWS_AS(5 / ones_then_zero, ValueError);
  CHECK_THROWS_AS(ones<std::int32_t>({n}) / 0, ValueError);
  CHECK_THROWS_AS(ones<std::int32_t>({n}) / 0.5, ValueError);
  CHECK_THROWS_AS(pow(a, -1), ValueError);
  CHECK_THROWS_AS(pow(a, b), ValueError);
  const auto lowest = full<std::int32_t>({n}, std::numeric_limits<std::int32_t>::min());
  CHECK((lowest / -1).at({n - 1}) == std::numeric_limits<std::int32_t>::min());  // wraps, as negation does
}

TEST_CASE("bfloat16: computed in float, rounded once", "[ops][pointwise]") {
  const auto x = linspace<bfloat16>(-3, 3, 77);
  const auto wide = x.to<float>();
  const auto same = [](const Tensor<bfloat16>& a, const Tensor<float>& b) { return equal(a, b.to<bfloat16>()); };
  CHECK(same(x * 0.1, wide * 0.1));
  CHECK(same(exp(x), exp(wide)));
  CHECK(same(x / 3, wide / 3));
  CHECK(same(pow(x, 2), wide * wide));
}

TEST_CASE("pointwise: shapes that do not broadcast are named", "[ops][pointwise]") {
  const auto a = ones({2, 3}), b = ones({4});
  CHECK_THROWS_WITH(a + b, "add: shapes do not broadcast: (2, 3) and (4,)");
  CHECK_THROWS_AS(maximum(a, b), ShapeError);
  CHECK_THROWS_AS(pow(a, b), ShapeError);
}
