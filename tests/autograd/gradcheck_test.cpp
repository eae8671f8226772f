#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;

namespace {
/// x^2 whose gradient is wrong in one element.
Tensor<double> wrong_square(const Tensor<double>& x) {
  auto y = (x * x).detach();
  return record("wrong_square", y, {x}, [x = save(x)](const Tensor<double>& g, Slots<double>& into) {
    auto dx = g * x.get("wrong_square") * 2;
    dx.data()[3] += 0.01;
    into.add(0, dx);
  });
}
}  // namespace

TEST_CASE("gradcheck: accepts right gradients of one, two, three and a vector of inputs", "[autograd][gradcheck]") {
  const auto a = randn<double>({2, 3}), b = randn<double>({3}), c = randn<double>({2, 1});
  CHECK(gradcheck([](const auto& x) { return x.exp(); }, {a}));
  CHECK(gradcheck([](const auto& x, const auto& y) { return x * y; }, {a, b}));
  CHECK(gradcheck([](const auto& x, const auto& y, const auto& z) { return x * y + z; }, {a, b, c}));
  CHECK(gradcheck([](const std::vector<Tensor<double>>& x) { return x[0] * x[1] * x[2]; }, {a, b, c}));
  CHECK(gradcheck([](const auto& x) { return x * 2; }, {zeros<double>({0, 3})}));
  CHECK(gradcheck([](const auto& x) { return x.sum(); }, {a.mT()}));
  CHECK_THROWS_AS(gradcheck([](const auto& x) { return x.exp(); }, {a, b}), ValueError);
}

TEST_CASE("gradcheck: names the input, the element and both values", "[autograd][gradcheck]") {
  const auto at = ones<double>({2, 3});
  CHECK(gradcheck(&wrong_square, {at}, {.atol = 0.1}));
  try {
    gradcheck([](const auto& x, const auto& y) { return x + wrong_square(y); }, {at, at}, {});
    FAIL("a wrong gradient was accepted");
  } catch (const GraphError& e) {
    CHECK_THAT(e.what(), Catch::Contains("input 1 of shape (2, 3), element 3"));
    CHECK_THAT(e.what(), Catch::Contains("differences give"));
  }
}

TEST_CASE("gradcheck: a gradient that is lost or NaN is an error", "[autograd][gradcheck]") {
  const auto x = ones<double>({2});
  CHECK_THROWS_AS(gradcheck([](const auto& v) { return (v * v).detach(); }, {x}), GraphError);
  CHECK_THROWS_AS(gradcheck([](const auto& v) { return sqrt(v); }, {zeros<double>({2})}), GraphError);
}

TEST_CASE("gradcheck: only inputs that want a gradient are checked, if any does", "[autograd][gradcheck]") {
  auto x = ones<double>({4}), y = ones<double>({4});
  const auto f = [](const auto& a, const auto& b) { return a * wrong_square(b); };
  CHECK_THROWS_AS(gradcheck(f, {x, y}), GraphError);
  CHECK(gradcheck(f, {x.requires_grad(), y}));
}

TEST_CASE("gradcheck: leaves the inputs and every gradient as they were", "[autograd][gradcheck]") {
  auto x = randn<double>({3}), w = randn<double>({3}).requires_grad();
  x.requires_grad();
  (x * w).sum().backward();
  const auto before = x.clone(), dx = x.grad().clone(), dw = w.grad().clone();
  const NoGrad off;
  CHECK(gradcheck([&](const auto& v) { return v * w; }, {x}));
  CHECK(equal(x, before));
  CHECK(equal(x.grad(), dx));
  CHECK(equal(w.grad(), dw));
}
