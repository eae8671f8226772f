// matmul by all of PyTorch's batching rules, bmm and linear.
#include "shunt/ops/matmul.hpp"

#include <algorithm>

#include "shunt/tensor.hpp"
#include "support/catch.hpp"
#include "support/check_op.hpp"
#include "support/naive.hpp"

using namespace shunt;
using D = Tensor<double>;

TEST_CASE("matmul: values and gradients", "[ops][matmul]") {
  const auto [a, b] = GENERATE(table<Shape, Shape>({{{3}, {3}},
                                                    {{2, 3}, {3}},
                                                    {{3}, {3, 4}},
                                                    {{2, 3}, {3, 4}},
                                                    {{1, 1}, {1, 1}},
                                                    {{4, 2, 3}, {3}},
                                                    {{3}, {4, 3, 2}},
                                                    {{4, 2, 3}, {3, 2}},
                                                    {{2, 3}, {4, 3, 2}},
                                                    {{4, 2, 3}, {4, 3, 2}},
                                                    {{1, 2, 3}, {4, 3, 2}},
                                                    {{4, 2, 3}, {1, 3, 2}},
                                                    {{2, 1, 2, 3}, {3, 3, 2}},
                                                    {{3, 2, 3}, {2, 1, 3, 2}},
                                                    {{2, 1, 1, 2, 3}, {1, 2, 3, 3, 1}}}));
  check_op("matmul", [](const auto& x) { return matmul(x[0], x[1]); }, {a, b}, {.oracle = [](const std::vector<D>& x) {
             return naive::tensor(naive::matmul(naive::of(x[0]), naive::of(x[1])));
           }});
}

TEST_CASE("matmul: sizes of zero", "[ops][matmul]") {
  const auto [a, b] = GENERATE(table<Shape, Shape>({{{0, 3}, {3, 2}},
                                                    {{2, 0}, {0, 3}},
                                                    {{2, 3}, {3, 0}},
                                                    {{0}, {0}},
                                                    {{0, 2, 3}, {3, 4}},
                                                    {{5, 2, 0}, {0, 4}},
                                                    {{5, 2, 3}, {3, 0}},
                                                    {{0, 2, 3}, {1, 3, 4}},
                                                    {{2, 3}, {0, 3, 4}}}));
  const auto x = randn<double>(a).requires_grad(), y = randn<double>(b).requires_grad();
  const auto z = matmul(x, y);
  const auto wanted = naive::matmul(naive::of(x), naive::of(y));
  CHECK(z.shape() == wanted.shape);
  CHECK(z.to_vector() == wanted.values);
  z.backward(ones<double>(z.shape()));
  CHECK(x.grad().to_vector() == std::vector<double>(static_cast<std::size_t>(a.numel()), 0.));
  CHECK(y.grad().to_vector() == std::vector<double>(static_cast<std::size_t>(b.numel()), 0.));
}

TEST_CASE("matmul: random layouts of both operands", "[ops][matmul]") {
  Generator random(5);
  const auto layout = [](const D& x, int how) {  // the same values under other strides
    if (how == 1) return x.mT().contiguous().mT();
    if (how == 2) return x.unsqueeze(-1).expand({x.size(0), x.size(1), x.size(2), 2}).contiguous().select(3, 1);
    if (how == 3) return x.transpose(0, 1).contiguous().transpose(0, 1);
    return x;
  };
  const int left = GENERATE(0, 1, 2, 3), right = GENERATE(0, 1, 2, 3);
  for (const auto& [m, k, n] : {std::array<std::int64_t, 3>{1, 7, 9}, {5, 1, 3}, {17, 33, 6}}) {
    const auto a = randn<double>({3, m, k}, random), b = randn<double>({3, k, n}, random);
    const auto got = matmul(layout(a, left), layout(b, right)).to_vector();
    const auto wanted = naive::matmul(naive::of(a), naive::of(b)).values;
    for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(got[i] == Approx(wanted[i]).epsilon(1e-12).margin(1e-12));
  }
}

TEST_CASE("bmm, linear: values and gradients", "[ops][matmul]") {
  check_op("bmm", [](const auto& x) { return bmm(x[0], x[1]); }, {{3, 2, 4}, {3, 4, 5}},
           {.oracle = [](const std::vector<D>& x) {
             return naive::tensor(naive::matmul(naive::of(x[0]), naive::of(x[1])));
           }});
  const Shape x = GENERATE(Shape{4, 3}, Shape{3}, Shape{2, 2, 3}, Shape{1, 3});
  const auto affine = [](const std::vector<D>& v) {
    auto y = naive::matmul(naive::of(v[0]), naive::of(v[1].t()));
    return naive::tensor(v.size() < 3 ? y
                                      : naive::binary(y, naive::of(v[2]), [](double p, double q) { return p + q; }));
  };
  check_op("linear", [](const auto& v) { return linear(v[0], v[1], v[2]); }, {x, {5, 3}, {5}}, {.oracle = affine});
  check_op("linear", [](const auto& v) { return linear(v[0], v[1]); }, {x, {5, 3}}, {.oracle = affine});
  check_op("linear", [](const auto& v) { return linear_onto(v[2], v[0], v[1], v[3]); }, {{4, 3}, {5, 3}, {4, 5}, {5}});
}

TEST_CASE("products: errors name both shapes", "[ops][matmul]") {
  const auto a = zeros({2, 3}), b = zeros({4, 5});
  CHECK_THROWS_WITH(matmul(a, b), "matmul: inner sizes differ: (2, 3) x (4, 5)");
  CHECK_THROWS_AS(matmul(zeros({}), a), ShapeError);
  CHECK_THROWS_AS(matmul(zeros({4}), a), ShapeError);
  CHECK_THROWS_AS(matmul(zeros({2, 2, 3}), zeros({3, 3, 2})), ShapeError);
  CHECK_THROWS_WITH(bmm(a, b), Catch::Contains("bmm") && Catch::Contains("(2, 3)"));
  CHECK_THROWS_AS(bmm(zeros({1, 2, 3}), zeros({4, 3, 2})), ShapeError);
  CHECK_THROWS_WITH(linear(a, b), Catch::Contains("5") && Catch::Contains("(2, 3)"));
  CHECK_THROWS_AS(linear(a, zeros({3})), ShapeError);
  CHECK_THROWS_AS(linear(a, zeros({4, 3}), zeros({3})), ShapeError);
}

TEST_CASE("linear: one tensor as input, weight and base", "[ops][matmul]") {
  manual_seed(12);
  auto a = randn<double>({5, 5}).requires_grad(), b = randn<double>({5, 5}).requires_grad();
  const auto g = randn<double>({5, 5}), a0 = a.detach(), b0 = b.detach();
  linear(a, a, Tensor<double>()).backward(g);
  CHECK(allclose(a.grad(), matmul(g, a0) + matmul(g.t(), a0), 1e-12));
  linear_onto(b, b, b, Tensor<double>()).backward(g);
  CHECK(allclose(b.grad(), g + matmul(g, b0) + matmul(g.t(), b0), 1e-12));
}

TEST_CASE("linear: a stack of weights that come and go in another order each time", "[ops][matmul]") {
  manual_seed(13);
  std::vector<Tensor<float>> weights(6);
  for (int step = 0; step < 4; ++step) {
    for (auto& w : weights)
      if (step % 2 == 0 || &w - weights.data() < 3) w = randn({33, 33}).requires_grad();
    std::rotate(weights.begin(), weights.begin() + step, weights.end());
    const auto x = randn({32, 33}), g = randn({32, 33});
    auto y = x, want = x;
    for (const auto& w : weights) y = linear(y, w, Tensor<float>()) * 0.2, w.zero_grad();
    y.backward(g);
    std::vector<Tensor<float>> in;
    for (const auto& w : weights) in.push_back(want), want = matmul(want, w.detach().t()) * 0.2;
    CHECK(allclose(y, want, 1e-4, 1e-5));
    auto dy = g * 0.2;
    for (std::size_t i = weights.size(); i-- > 0; dy = matmul(dy, weights[i].detach()) * 0.2)
      CHECK(allclose(weights[i].grad(), matmul(dy.t(), in[i]), 1e-3, 1e-4));
  }
}
