// In-place changes: what is allowed has the right gradients, all else is a GraphError.
#include "shunt/ops/inplace.hpp"

#include "shunt/ops/reduce.hpp"
#include "shunt/ops/view.hpp"
#include "support/catch.hpp"
#include "support/check_op.hpp"

using namespace shunt;
using Floats = std::vector<float>;

TEST_CASE("in place: values", "[ops][inplace]") {
  const auto x = tensor({1, -2, 3});
  x.add_(tensor({1, 1, 1})).mul_(2);
  CHECK(x.to_vector() == Floats{4, -2, 8});
  x -= tensor({1, 2, 3});
  x /= 2;
  CHECK(x.to_vector() == Floats{1.5, -2, 2.5});
  x += 1;
  x *= tensor({2});
  CHECK(x.to_vector() == Floats{5, -2, 7});
  CHECK(x.clamp_(-1, 6).to_vector() == Floats{5, -1, 6});
  CHECK(x.copy_(tensor({9})).to_vector() == Floats{9, 9, 9});
  CHECK(x.fill_(2).to_vector() == Floats{2, 2, 2});
  CHECK(x.zero_().to_vector() == Floats{0, 0, 0});
  const auto i = full<std::int64_t>({2}, 7);
  CHECK(i.div_(full<std::int64_t>({2}, 2)).to_vector() == std::vector<std::int64_t>{3, 3});
  CHECK(zeros({0, 3}).add_(1).shape() == Shape{0, 3});
}

TEST_CASE("in place: through views, and with an operand that overlaps", "[ops][inplace]") {
  const auto x = arange(6).reshape({2, 3});
  x[1].fill_(9);
  x.slice(1, 0, 3, 2).mul_(-1);
  CHECK(x.to_vector() == Floats{0, 1, -2, -9, 9, -9});
  const auto y = arange(9).reshape({3, 3});
  y.add_(y.t());
  CHECK(y.to_vector() == Floats{0, 4, 8, 4, 8, 12, 8, 12, 16});
  const auto z = arange(4);
  z.slice(0, 1, 4).copy_(z.slice(0, 0, 3));
  CHECK(z.to_vector() == Floats{0, 0, 1, 2});
}

TEST_CASE("in place: gradients on results that nobody else sees", "[ops][inplace]") {
  check_op("add_", [](const auto& x) { return (x[0] * 2).add_(x[1]); }, {{2, 3}, {3}});
  check_op("sub_", [](const auto& x) { return (x[0] * 2).sub_(x[1]); }, {{2, 3}, {2, 1}});
  check_op("mul_", [](const auto& x) { return (x[0] + 1).mul_(x[1]); }, {{2, 3}, {3}});
  check_op("div_", [](const auto& x) { return (x[0] + 1).div_(x[1]); }, {{2, 3}, {3}}, {.draw = draw::away_from_zero});
  check_op("numbers", [](const auto& x) { return (x[0] * 1).add_(2).mul_(3).sub_(1).div_(4); }, {{2, 3}});
  check_op("copy_", [](const auto& x) { return (x[0] * 2).copy_(x[1]) * x[0]; }, {{2, 3}, {3}});
  check_op("fill_", [](const auto& x) { return (x[0] * 2).fill_(3) * x[0]; }, {{2, 3}});
  check_op("clamp_", [](const auto& x) { return (x[0] * 2).clamp_(-0.5, 0.5); }, {{2, 3}});
  check_op("a plain tensor gains a history", [](const auto& x) { return (x[0].detach() * 0).add_(x[0]).mul_(x[0]); },
           {{2, 3}});
}

TEST_CASE("in place: a leaf that wants a gradient refuses, but not under NoGrad", "[ops][inplace]") {
  const auto x = tensor({1, 2}).requires_grad();
  const char* text = "leaf";
  CHECK_THROWS_WITH(x.add_(1), Catch::Contains("add_") && Catch::Contains(text));
  CHECK_THROWS_AS(x.zero_(), GraphError);
  CHECK_THROWS_AS(x.copy_(tensor({3, 4})), GraphError);
  CHECK_THROWS_AS(x.mul_(x), GraphError);
  CHECK(x.to_vector() == Floats{1, 2});
  const NoGrad unrecorded;
  x.add_(1);
  CHECK(x.to_vector() == Floats{2, 3});
  CHECK(x.wants_grad());
}

TEST_CASE("in place: a result with another view refuses", "[ops][inplace]") {
  const auto x = tensor({1, 2}).requires_grad();
  const auto y = x * 2;
  {
    const auto view = y[0];
    CHECK_THROWS_WITH(y.add_(1), Catch::Contains("add_") && Catch::Contains("view"));
    CHECK_THROWS_AS(view.add_(1), GraphError);
  }
  y.add_(1);  // the view is gone
  CHECK(y.to_vector() == Floats{3, 5});
  const auto alias = y.detach();
  CHECK_THROWS_AS(y.mul_(2), GraphError);
}

TEST_CASE("in place: a plain tensor with views refuses what wants a gradient, and takes what does not",
          "[ops][inplace]") {
  const auto base = zeros({2, 2});
  const auto row = base[0];
  const auto w = ones({2}).requires_grad();
  CHECK_THROWS_AS(row.add_(w), GraphError);
  CHECK_THROWS_AS(base.copy_(w), GraphError);
  row.add_(w.detach());
  CHECK(base.to_vector() == Floats{1, 1, 0, 0});
  CHECK_FALSE(base.wants_grad());
}

TEST_CASE("in place: copies of a handle see the new history", "[ops][inplace]") {
  const auto x = tensor({1, 2}).requires_grad();
  const auto y = x * 3, same = y;
  y.mul_(2);
  same.sum().backward();
  CHECK(x.grad().to_vector() == Floats{6, 6});
}

TEST_CASE("in place: a saved value that was changed is noticed, naming both operations", "[ops][inplace]") {
  const auto x = tensor({1, 2}).requires_grad();
  const auto y = x * 2, z = y * y;
  y.add_(1);
  CHECK_THROWS_WITH(z.sum().backward(), Catch::Contains("mul") && Catch::Contains("add_"));
  const auto r = exp(x);
  r.div_(2);
  CHECK_THROWS_WITH(r.sum().backward(), Catch::Contains("exp") && Catch::Contains("div_"));
  const auto s = x * 1;
  s.mul_(s);
  CHECK_THROWS_WITH(s.sum().backward(), Catch::Contains("mul_"));
  CHECK_FALSE(x.has_grad());
}

TEST_CASE("in place: what backward does not read may change", "[ops][inplace]") {
  const auto x = tensor({1, 2}).requires_grad();
  const auto y = x * 2, z = y + y;
  y.fill_(100);
  z.sum().backward();
  CHECK(x.grad().to_vector() == Floats{4, 4});
}

TEST_CASE("in place: detach() and views share the version with the tensor", "[ops][inplace]") {
  const auto x = tensor({1, 2}).requires_grad();
  const auto w = tensor({3, 4});
  auto y = x * w;
  w.detach().zero_();
  CHECK_THROWS_WITH(y.sum().backward(), Catch::Contains("mul") && Catch::Contains("fill_"));
  y = x * w;
  w[1].add_(1);
  CHECK_THROWS_AS(y.sum().backward(), GraphError);
  y = x * w;
  {
    const NoGrad unrecorded;
    w.add_(1);  // NoGrad allows the change; the saved value is stale all the same
  }
  CHECK_THROWS_AS(y.sum().backward(), GraphError);
}

TEST_CASE("in place: layouts that share addresses, shapes that do not fit, hooks' gradients", "[ops][inplace]") {
  CHECK_THROWS_WITH(zeros({1, 2}).expand({3, 2}).add_(1), Catch::Contains("(3, 2)"));
  CHECK_THROWS_AS(zeros({2}).add_(zeros({3})), ShapeError);
  CHECK_THROWS_AS(zeros({2}).add_(zeros({3, 2})), ShapeError);
  const auto x = tensor({1, 2}).requires_grad();
  x.register_hook([](const Tensor<float>& g) { g.mul_(2); });
  CHECK_THROWS_WITH((x * 1).sum().backward(), Catch::Contains("mul_") && Catch::Contains("hook"));
}

TEST_CASE("in place: a change that throws leaves the tensor as it was", "[ops][inplace]") {
  const auto x = tensor({1, 2}), y = x * 2;
  const auto w = tensor({1, 2}).requires_grad();
  const auto z = w * x;
  CHECK_THROWS_AS(x.add_(zeros({3})), ShapeError);
  CHECK(x.to_vector() == Floats{1, 2});
  z.sum().backward();  // and what was saved is still good
  CHECK(w.grad().to_vector() == Floats{1, 2});
}

TEST_CASE("in-place division of integers by zero is refused, and changes nothing", "[ops][inplace]") {
  const auto x = from_vector<std::int64_t>({6, 7});
  CHECK_THROWS_AS(x.div_(0), ValueError);
  CHECK_THROWS_AS(x.div_(from_vector<std::int64_t>({2, 0})), ValueError);
  CHECK(x.to_vector() == std::vector<std::int64_t>{6, 7});
}
