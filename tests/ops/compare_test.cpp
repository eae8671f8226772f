#include <limits>

#include "shunt/tensor.hpp"
#include "support/check_op.hpp"
#include "support/extremes.hpp"
#include "support/oracle.hpp"

using namespace shunt;

namespace {
using B = std::vector<bool>;
B bools(const Tensor<bool>& x) { return x.to_vector(); }
}  // namespace

TEST_CASE("comparisons: tensors and numbers on either side", "[ops][compare]") {
  const auto a = tensor({1, 2, 3}), b = tensor({3, 2, 1});
  CHECK(bools(a < b) == B{true, false, false});
  CHECK(bools(a <= b) == B{true, true, false});
  CHECK(bools(a > b) == B{false, false, true});
  CHECK(bools(a >= b) == B{false, true, true});
  CHECK(bools(a == b) == B{false, true, false});
  CHECK(bools(a != b) == B{true, false, true});
  CHECK(bools(a < 2) == B{true, false, false});
  CHECK(bools(a <= 2.) == B{true, true, false});
  CHECK(bools(a > 2u) == B{false, false, true});
  CHECK(bools(a >= 2) == B{false, true, true});
  CHECK(bools(a == 2) == B{false, true, false});
  CHECK(bools(a != 2) == B{true, false, true});
  CHECK(bools(2 < a) == B{false, false, true});
  CHECK(bools(2 <= a) == B{false, true, true});
  CHECK(bools(2 > a) == B{true, false, false});
  CHECK(bools(2 >= a) == B{true, true, false});
  CHECK(bools(2 == a) == B{false, true, false});
  CHECK(bools(2 != a) == B{true, false, true});
}

TEST_CASE("comparisons: broadcast, every length, and a NaN is unordered", "[ops][compare]") {
  const auto n = GENERATE(0, 1, 31, 32, 33, 200);
  const auto column = arange(n).unsqueeze(1), row = arange(5);
  const auto less = column < row;
  REQUIRE(less.shape() == Shape{n, 5});
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < 5; ++j) REQUIRE(less.at({i, j}) == (i < j));
  const auto x = from_vector<float>({float_nan, 1});
  CHECK(bools(x == x) == B{false, true});
  CHECK(bools(x != x) == B{true, false});
  CHECK(bools((x < 2) | (x >= 2)) == B{false, true});
  CHECK_THROWS_AS(ones({2}) < ones({3}), ShapeError);
}

TEST_CASE("comparisons: an integer and a fraction meet as real numbers", "[ops][compare]") {
  const auto i = arange<std::int64_t>(3);
  CHECK(bools(i > 0.5) == B{false, true, true});
  CHECK(bools(i == 0.5) == B{false, false, false});
  CHECK(bools(from_vector<std::uint8_t>({0, 255}) > -1) == B{true, true});
  CHECK(bools(tensor({0.1}) == 0.1) == B{true});  // the number takes the tensor's type
}

TEST_CASE("logic: and, or, xor, not", "[ops][compare]") {
  const auto a = from_vector<bool>({false, false, true, true}), b = from_vector<bool>({false, true, false, true});
  CHECK(bools(a & b) == B{false, false, false, true});
  CHECK(bools(a | b) == B{false, true, true, true});
  CHECK(bools(a ^ b) == B{false, true, true, false});
  CHECK(bools(~a) == B{true, true, false, false});
  CHECK(bools(logical_and(tensor({0, 2, float_nan}), tensor({1, -1, 1}))) == B{false, true, true});
  CHECK(bools(logical_not(arange<std::int32_t>(2))) == B{true, false});
}

TEST_CASE("isnan, isinf, isfinite", "[ops][compare]") {
  const auto x = from_vector<float>({0, -1e38f, 1e-45f, float_inf, -float_inf, float_nan});
  CHECK(bools(isnan(x)) == B{false, false, false, false, false, true});
  CHECK(bools(isinf(x)) == B{false, false, false, true, true, false});
  CHECK(bools(isfinite(x)) == B{true, true, true, false, false, false});
  CHECK(bools(isfinite(x.to<bfloat16>())) == bools(isfinite(x)));
  CHECK(bools(isnan(ones<std::int64_t>({2}))) == B{false, false});
}

TEST_CASE("any and all: over everything, over one dimension, of nothing", "[ops][compare]") {
  const auto m = from_vector<bool>({true, false, true, false, false, false}, {3, 2});
  CHECK(m.any().item());
  CHECK_FALSE(m.all().item());
  CHECK(bools(any(m, 0)) == B{true, false});
  CHECK(bools(m.any(1)) == B{true, true, false});
  CHECK(bools(all(m == m, 1)) == B{true, true, true});
  CHECK(m.all(-1, true).shape() == Shape{3, 1});
  CHECK_FALSE(any(zeros<bool>({0, 4})).item());
  CHECK(all(zeros<bool>({0, 4})).item());
  CHECK(bools(all(zeros<bool>({0, 2}), 0)) == B{true, true});
  CHECK(any(from_vector<float>({0, float_nan})).item());
  auto large = zeros<bool>({100003});
  CHECK_FALSE(any(large).item());
  large.at({77777}) = true;
  CHECK(any(large).item());
  CHECK_THROWS_AS(any(m, 2), IndexError);
}

TEST_CASE("equal and allclose", "[ops][compare]") {
  const auto a = from_vector<float>({1, float_inf, -float_inf});
  CHECK(equal(a, a));
  CHECK(allclose(a, a));
  CHECK_FALSE(equal(a, ones({3, 1})));
  CHECK_FALSE(allclose(a, ones({3})));
  CHECK_FALSE(allclose(from_vector<float>({float_inf}), from_vector<float>({1}), 1e30));
  CHECK_FALSE(equal(from_vector<float>({float_nan}), from_vector<float>({float_nan})));
  CHECK_FALSE(allclose(from_vector<float>({float_nan}), from_vector<float>({float_nan})));
  CHECK(allclose(ones<double>({2, 2}), ones<double>({2}) + 0.9e-5));
  CHECK_FALSE(allclose(ones<double>({2}), ones<double>({2}) + 1.2e-5));
  CHECK(allclose(ones<double>({2}), ones<double>({2}) + 0.5, 0, 0.5));
  CHECK(equal(arange<std::int64_t>(4), arange<std::int64_t>(4)));
  CHECK(equal(zeros({0}), zeros({0})));
}

TEST_CASE("where and masked_fill: value and gradients", "[ops][compare]") {
  const auto c = from_vector<bool>({true, false, true, false, false, true}, {2, 3});
  check_op("where", [&](const auto& x) { return where(c, x[0], x[1]); }, {{2, 3}, {2, 3}});
  check_op("where", [&](const auto& x) { return where(c, x[0], x[1]); }, {{3}, {4, 1, 1}});
  check_op("where", [&](const auto& x) { return where(c, x[0], 2); }, {{2, 1}});
  check_op("where", [&](const auto& x) { return where(c, -1.5, x[0]); }, {{2, 3}});
  check_op("masked_fill", [&](const auto& x) { return x[0].masked_fill(c, 7); }, {{2, 3}});
  check_op("masked_fill", [&](const auto& x) { return masked_fill(x[0], c, 7); }, {{4, 2, 3}});

  const auto x = arange(6).reshape({2, 3});
  CHECK(where(c, x, -x).to_vector() == std::vector<float>{0, -1, 2, -3, -4, 5});
  CHECK(where(c, x, 9).to_vector() == std::vector<float>{0, 9, 2, 9, 9, 5});
  CHECK(where(c, 9, x).to_vector() == std::vector<float>{9, 1, 9, 3, 4, 9});
  CHECK(where(c, 1, 0).to_vector() == std::vector<float>{1, 0, 1, 0, 0, 1});
  CHECK(masked_fill(x, c, -float_inf).at({0, 0}) == -float_inf);
  CHECK(where(x > 2, arange<std::int64_t>(3), 0).to_vector() == std::vector<std::int64_t>{0, 0, 0, 0, 1, 2});
  CHECK_THROWS_AS(masked_fill(ones({3}), c, 0), ShapeError);  // the mask would enlarge x
  CHECK_THROWS_AS(where(c, ones({4}), 0), ShapeError);
}

TEST_CASE("where: a NaN that was not chosen stays out of the gradient", "[ops][compare]") {
  auto x = tensor({-1, 4}).requires_grad();
  where(x > 0, x, 0).sum().backward();
  CHECK(x.grad().to_vector() == std::vector<float>{0, 1});
}
