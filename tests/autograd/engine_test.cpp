// The engine: order, accumulation, release and errors of backward.
#include "shunt/shunt.hpp"
#include "support/catch.hpp"

using namespace shunt;

namespace {
std::vector<float> values(const Tensor<float>& x) { return x.to_vector(); }
using V = std::vector<float>;
}  // namespace

TEST_CASE("backward: gradients of several uses add up, and of two backward calls too", "[autograd]") {
  auto x = tensor({1., 2., 3.}).requires_grad();
  (x * x + x).sum().backward();
  CHECK(values(x.grad()) == V{3, 5, 7});
  (x * 2).sum().backward();
  CHECK(values(x.grad()) == V{5, 7, 9});
  x.zero_grad();
  CHECK_FALSE(x.has_grad());
  CHECK_THROWS_AS(x.grad(), GraphError);
}

TEST_CASE("backward: what the caller handed in is never changed, at once or later", "[autograd]") {
  auto x = randn({4}).requires_grad();
  const auto g = ones({4});
  auto y = x + 0;
  y.backward(g, {.retain_graph = true});
  y.backward(g);
  CHECK(values(g) == V{1, 1, 1, 1});
  CHECK(values(x.grad()) == V{2, 2, 2, 2});
  CHECK(x.grad().data() != g.data());
  const auto kept = x.grad();
  (x * 1).backward(g);
  CHECK(values(kept) == V{2, 2, 2, 2});
}

TEST_CASE("backward: a leaf's gradient ends dense and alone in its storage", "[autograd]") {
  auto x = randn({2, 3}).requires_grad();
  x.transpose(0, 1).backward(randn({3, 2}));
  CHECK(x.grad().is_contiguous());
  auto z = randn({3}).requires_grad();
  z.sum().backward();
  CHECK(z.grad().is_contiguous());
  CHECK(values(z.grad()) == V{1, 1, 1});
  auto a = randn({5}).requires_grad(), b = randn({5}).requires_grad();
  (a + b).backward(ones({5}));
  CHECK(a.grad().data() != b.grad().data());
  a.grad().mul_(3);
  CHECK(values(b.grad()) == V{1, 1, 1, 1, 1});
}

TEST_CASE("backward: every way in which one buffer could serve two slots", "[autograd]") {
  // The reference is the same function with every shared handle replaced by a copy.
  const bool retain = GENERATE(false, true);
  auto x = randn({4, 4}).requires_grad(), w = randn({4, 4}).requires_grad();
  const auto g = randn({4, 4});
  using F = Tensor<float> (*)(const Tensor<float>&, const Tensor<float>&);
  const auto check = [&](F shared, F apart) {
    x.zero_grad(), w.zero_grad();
    apart(x, w).backward(g);
    const auto dx = values(x.grad());
    const auto dw = w.has_grad() ? values(w.grad()) : V{};
    x.zero_grad(), w.zero_grad();
    auto y = shared(x, w);
    y.backward(g, {.retain_graph = retain});
    if (retain) {
      x.zero_grad(), w.zero_grad();
      y.backward(g, {.retain_graph = true});
    }
    CHECK(values(x.grad()) == dx);
    if (!dw.empty()) CHECK(values(w.grad()) == dw);
  };
  SECTION("F of one product") {
    check([](const auto& a, const auto& b) { return linear_onto(a, a, b, Tensor<float>()); },
          [](const auto& a, const auto& b) { return a.clone() + linear(a.clone(), b); });
  }
  SECTION("F that ends in a ReLU") {
    check([](const auto& a, const auto& b) { return a + relu(matmul(a, b)); },
          [](const auto& a, const auto& b) { return a.clone() + relu(matmul(a.clone(), b)).clone(); });
  }
  SECTION("add(x, x)") {
    check([](const auto& a, const auto&) { return a + a; },
          [](const auto& a, const auto&) { return a.clone() + a.clone(); });
  }
  SECTION("matmul(x, x)") {
    check([](const auto& a, const auto&) { return matmul(a, a); },
          [](const auto& a, const auto&) { return matmul(a.clone(), a.clone()); });
  }
  SECTION("a + b of two leaves, one of them used again") {
    check([](const auto& a, const auto& b) { return (a + b) + relu(a); },
          [](const auto& a, const auto& b) { return (a.clone() + b.clone()).clone() + relu(a.clone()).clone(); });
  }
  SECTION("sum, expand, slice and transpose into a slot that is filled") {
    check(
        [](const auto& a, const auto& b) {
          return relu(a) + a.transpose(0, 1) + a.sum(0, true).expand({4, 4}) + b * a.slice(0, 1, 2);
        },
        [](const auto& a, const auto& b) {
          return relu(a.clone()).clone() + a.clone().transpose(0, 1).clone() +
                 a.clone().sum(0, true).expand({4, 4}).clone() + b.clone() * a.clone().slice(0, 1, 2).clone();
        });
  }
}

TEST_CASE("hooks: keep, replace, and may not write", "[autograd]") {
  auto x = tensor({1., 2.}).requires_grad();
  SECTION("on a leaf they see this backward's gradient before it is added") {
    std::vector<V> seen;
    auto handle = x.register_hook([&](const Tensor<float>& g) { seen.push_back(values(g)); });
    (x * 3).sum().backward();
    (x * 4).sum().backward();
    CHECK(seen == std::vector<V>{{3, 3}, {4, 4}});
    CHECK(values(x.grad()) == V{7, 7});
    handle.remove();
    (x * 5).sum().backward();
    CHECK(seen.size() == 2);
  }
  SECTION("what one keeps is not written over") {
    Tensor<float> kept;
    auto h = x * 2;
    h.register_hook([&](const Tensor<float>& g) { kept = g; });
    (relu(h) + h).sum().backward();
    CHECK(values(kept) == V{2, 2});
    CHECK(values(x.grad()) == V{4, 4});
  }
  SECTION("what one returns replaces the gradient") {
    auto h = x * 2;
    const auto mine = tensor({10., 20.});
    h.register_hook([&](const Tensor<float>&) { return mine; });
    (h * h).sum().backward();
    CHECK(values(x.grad()) == V{20, 40});
    CHECK(values(mine) == V{10, 20});
  }
  SECTION("writing is a GraphError, and leaves no half-made gradient") {
    auto h = x * 2;
    h.register_hook([](const Tensor<float>& g) { g.mul_(2); });
    CHECK_THROWS_AS((h * h).sum().backward(), GraphError);
    CHECK_FALSE(x.has_grad());
    (x * 3).sum().backward();
    CHECK(values(x.grad()) == V{3, 3});
  }
  SECTION("a replacement of another shape is a ShapeError") {
    x.register_hook([](const Tensor<float>&) { return zeros({3}); });
    CHECK_THROWS_AS((x * 2).sum().backward(), ShapeError);
  }
}

TEST_CASE("intermediate results keep a gradient only when asked", "[autograd]") {
  auto x = tensor({1., 2.}).requires_grad();
  auto h = x * 2, k = h * 3;
  h.retain_grad();
  k.sum().backward();
  CHECK(values(h.grad()) == V{3, 3});
  CHECK_THROWS_WITH(k.grad(), Catch::Contains("retain_grad"));
}

TEST_CASE("backward: misuse is a GraphError that says what to do", "[autograd]") {
  auto x = randn({3}).requires_grad();
  CHECK_THROWS_WITH((x * 2).backward(), Catch::Contains("(3,)"));
  CHECK_THROWS_AS((x * 2).backward(ones({2})), ShapeError);
  CHECK_THROWS_WITH(ones({1}).backward(), Catch::Contains("requires_grad"));
  auto y = (x * x).sum();
  y.backward({.retain_graph = true});
  y.backward();
  CHECK_THROWS_WITH(y.backward(), Catch::Contains("retain_graph"));
  CHECK_THROWS_AS(y.requires_grad(false), GraphError);
  auto shared = x * x;
  shared.sum().backward();
  x.zero_grad();
  CHECK_THROWS_AS((shared * 2).sum().backward(), GraphError);  // the part below is gone
  CHECK_FALSE(x.has_grad());
}

TEST_CASE("grad: of leaves and intermediate results, touching no grad()", "[autograd]") {
  auto x = tensor({2., 3.}).requires_grad(), unused = ones({2}).requires_grad();
  auto h = x * x;
  auto y = (h * x).sum();
  const auto g = grad(y, {h, x, unused, x}, {}, {.retain_graph = true});
  CHECK(values(g[0]) == V{2, 3});
  CHECK(values(g[1]) == V{12, 27});
  CHECK(values(g[2]) == V{0, 0});
  CHECK(values(g[3]) == V{12, 27});
  CHECK_FALSE(x.has_grad());
  CHECK_THROWS_AS(grad(y, {ones({2})}), GraphError);
  y.backward();
  CHECK(values(x.grad()) == V{12, 27});
}

TEST_CASE("depth: a chain of a million operations runs backward and is freed without a deep call stack", "[autograd]") {
  auto x = ones({1}).requires_grad();
  auto y = x;
  for (int i = 0; i < 1'000'000; ++i) y = y + 1;
  y.backward();
  CHECK(x.grad().item() == 1);
  y = Tensor<float>();
  auto z = x;
  for (int i = 0; i < 1'000'000; ++i) z = z * 1;  // freed without ever having run
  CHECK(z.wants_grad());
}

TEST_CASE("NoGrad records nothing, EnableGrad inside it does", "[autograd]") {
  auto x = ones({1}).requires_grad();
  const NoGrad unrecorded;
  CHECK_FALSE((x * 2).wants_grad());
  {
    const EnableGrad recorded;
    CHECK((x * 2).wants_grad());
  }
  CHECK_FALSE((x * 2).wants_grad());
}

TEST_CASE("DetectAnomaly names the operation that first made a NaN", "[autograd]") {
  const DetectAnomaly on;
  auto x = tensor({-1., 4.}).requires_grad();
  CHECK_THROWS_WITH(exp(sqrt(x)), Catch::StartsWith("sqrt"));
  auto zero = zeros({2}).requires_grad();
  auto y = (sqrt(zero) * zero).sum();
  CHECK_THROWS_WITH(y.backward(), Catch::Contains("sqrt") && Catch::Contains("backward"));
  const auto already = tensor({std::nan(""), 1.});
  CHECK_NOTHROW(already * 2);
}

TEST_CASE("custom_op: a user's function with its own gradient", "[autograd]") {
  const auto cube = [](const Tensor<double>& x) {
    return custom_op<double>(
        "cube", {x}, [](const auto& in) { return in[0] * in[0] * in[0]; },
        [](const auto& g, const auto& in, const auto&) { return std::vector{g * in[0] * in[0] * 3}; });
  };
  auto x = tensor<double>({1., -2.}).requires_grad();
  cube(x).sum().backward();
  CHECK(x.grad().to_vector() == std::vector<double>{3, 12});
  const auto wrong = custom_op<double>(
      "wrong", {x}, [](const auto& in) { return in[0] * 1; },
      [](const auto&, const auto&, const auto&) { return std::vector{zeros<double>({7})}; });
  CHECK_THROWS_WITH(wrong.sum().backward(), Catch::Contains("wrong") && Catch::Contains("(7,)"));
}

TEST_CASE("gradients cross scalar types", "[autograd]") {
  auto x = tensor({1.5, 2.5}).requires_grad();
  auto y = (x.to<double>() * 3).to<bfloat16>();
  y.backward(ones<bfloat16>({2}));
  CHECK(values(x.grad()) == V{3, 3});
}
