// Tensors without elements go through every operation, forward and backward, and come out in the right shape.
#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;
using F = Tensor<float>;

namespace {

/// y = op(x...) for leaves x of these shapes; y has `wanted`, every leaf a gradient of its own shape without a NaN.
template <class Op>
void passes(const char* name, const Op& op, const std::vector<Shape>& shapes, const Shape& wanted) {
  CAPTURE(name);
  std::vector<F> x;
  for (const auto& s : shapes) x.push_back(ones(s).requires_grad());
  const F y = op(x);
  CHECK(y.shape() == wanted);
  y.backward(ones(y.shape()));
  for (const auto& leaf : x) {
    CHECK(leaf.grad().shape() == leaf.shape());
    for (float v : leaf.grad().to_vector()) CHECK(std::isfinite(v));
  }
}

}  // namespace

TEST_CASE("no elements: elementwise operations", "[ops][zero]") {
  passes("add", [](auto& x) { return x[0] + x[1]; }, {{0, 3}, {3}}, {0, 3});
  passes("mul", [](auto& x) { return x[0] * x[1]; }, {{2, 0}, {2, 1}}, {2, 0});
  passes("div", [](auto& x) { return x[0] / x[1]; }, {{0}, {1}}, {0});
  passes("maximum", [](auto& x) { return maximum(x[0], x[1]); }, {{0, 2}, {0, 2}}, {0, 2});
  passes("pow", [](auto& x) { return pow(x[0], 3); }, {{0}}, {0});
  passes("gelu", [](auto& x) { return gelu(x[0]); }, {{3, 0}}, {3, 0});
  passes("relu", [](auto& x) { return relu(x[0]); }, {{0, 0}}, {0, 0});
  passes("where", [](auto& x) { return where(x[0] > 0, x[0], x[1]); }, {{0, 2}, {2}}, {0, 2});
  passes("dropout", [](auto& x) { return dropout(x[0], 0.5, true); }, {{0, 2}}, {0, 2});
}

TEST_CASE("no elements: reductions and order", "[ops][zero]") {
  passes("sum", [](auto& x) { return x[0].sum(0); }, {{0, 3}}, {3});
  passes("sum of all", [](auto& x) { return x[0].sum(); }, {{2, 0}}, {});
  passes("mean of rows", [](auto& x) { return x[0].mean(1); }, {{0, 3}}, {0});
  passes("norm", [](auto& x) { return x[0].norm(2, 0); }, {{0, 3}}, {3});
  passes("prod", [](auto& x) { return x[0].prod(0); }, {{0, 2}}, {2});
  passes("amax of rows", [](auto& x) { return x[0].amax(1); }, {{0, 3}}, {0});
  passes("max over a dimension", [](auto& x) { return x[0].max(1).values; }, {{0, 3}}, {0});
  passes("sort", [](auto& x) { return sort(x[0], 0).values; }, {{0, 3}}, {0, 3});
  passes("topk", [](auto& x) { return topk(x[0], 2, 1).values; }, {{0, 3}}, {0, 2});
  passes("topk of none", [](auto& x) { return topk(x[0], 0, 1).values; }, {{2, 3}}, {2, 0});
  passes("cumsum", [](auto& x) { return cumsum(x[0], 1); }, {{2, 0}}, {2, 0});
  passes("softmax", [](auto& x) { return softmax(x[0], 1); }, {{0, 3}}, {0, 3});
  passes("log_softmax", [](auto& x) { return log_softmax(x[0], 1); }, {{2, 0}}, {2, 0});
  CHECK(zeros({0, 3}).sum(0).to_vector() == std::vector<float>{0, 0, 0});
  CHECK(zeros({0, 2}).prod(0).to_vector() == std::vector<float>{1, 1});
  CHECK(std::isnan(zeros({0}).mean().item()));
  CHECK_THROWS_AS(zeros({0, 3}).amax(0), Error);
  CHECK_THROWS_AS(zeros({0}).argmax(), Error);
}

TEST_CASE("no elements: products and convolutions", "[ops][zero]") {
  passes("linear", [](auto& x) { return linear(x[0], x[1], x[2]); }, {{0, 3}, {4, 3}, {4}}, {0, 4});
  passes("linear from nothing", [](auto& x) { return linear(x[0], x[1], x[2]); }, {{2, 0}, {4, 0}, {4}}, {2, 4});
  passes("conv2d", [](auto& x) { return conv2d(x[0], x[1], x[2]); }, {{0, 2, 5, 5}, {3, 2, 3, 3}, {3}}, {0, 3, 3, 3});
  passes("conv1d", [](auto& x) { return conv1d(x[0], x[1]); }, {{0, 2, 5}, {3, 2, 3}}, {0, 3, 3});
  passes("conv_transpose2d", [](auto& x) { return conv_transpose2d(x[0], x[1]); }, {{0, 2, 3, 3}, {2, 3, 2, 2}},
         {0, 3, 4, 4});
  passes("max_pool2d", [](auto& x) { return max_pool2d(x[0], 2); }, {{0, 2, 4, 4}}, {0, 2, 2, 2});
  passes("avg_pool2d", [](auto& x) { return avg_pool2d(x[0], 2); }, {{0, 2, 4, 4}}, {0, 2, 2, 2});
  passes("adaptive_avg_pool2d", [](auto& x) { return adaptive_avg_pool2d(x[0], 1); }, {{0, 2, 4, 4}}, {0, 2, 1, 1});
  passes("interpolate", [](auto& x) { return interpolate(x[0], {.size = 4}); }, {{0, 2, 2, 2}}, {0, 2, 4, 4});
  passes("attention", [](auto& x) { return scaled_dot_product_attention(x[0], x[1], x[2]); },
         {{0, 3, 2}, {0, 4, 2}, {0, 4, 2}}, {0, 3, 2});
  passes("attention to nothing", [](auto& x) { return scaled_dot_product_attention(x[0], x[1], x[2]); },
         {{2, 3, 2}, {2, 0, 2}, {2, 0, 2}}, {2, 3, 2});
}

TEST_CASE("no elements: norms and losses", "[ops][zero]") {
  passes("layer_norm", [](auto& x) { return layer_norm(x[0], {3}, x[1], x[2]); }, {{0, 3}, {3}, {3}}, {0, 3});
  passes("rms_norm", [](auto& x) { return rms_norm(x[0], {3}, x[1]); }, {{0, 3}, {3}}, {0, 3});
  passes("group_norm", [](auto& x) { return group_norm(x[0], 2, x[1], x[2]); }, {{0, 4, 2}, {4}, {4}}, {0, 4, 2});
  passes("batch_norm", [](auto& x) { return batch_norm(x[0], zeros({3}), ones({3}), x[1], x[2]); },
         {{0, 3, 2, 2}, {3}, {3}}, {0, 3, 2, 2});
  passes("mse_loss", [](auto& x) { return mse_loss(x[0], x[1], {.reduction = "sum"}); }, {{0, 2}, {0, 2}}, {});
  passes("cross_entropy", [](auto& x) { return cross_entropy(x[0], zeros<std::int64_t>({0}), {.reduction = "none"}); },
         {{0, 3}}, {0});
  CHECK(std::isnan(cross_entropy(zeros({0, 3}), zeros<std::int64_t>({0})).item()));
}

TEST_CASE("no elements: comparison, conversion, Eigen, text", "[ops][zero]") {
  const auto x = zeros({0, 3});
  CHECK((x > 1).shape() == Shape{0, 3});
  CHECK_FALSE(any(x).item());
  CHECK(all(x).item());
  CHECK(allclose(x, x));
  CHECK(x.to<double>().shape() == Shape{0, 3});
  CHECK(x.clone().shape() == Shape{0, 3});
  CHECK(to_string(x) == "[]");
  CHECK(as_matrix(x).cols() == 3);
}
