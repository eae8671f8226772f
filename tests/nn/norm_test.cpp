#include "shunt/nn/norm.hpp"

#include "shunt/autograd/checkpoint.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/nn/residual.hpp"
#include "shunt/nn/sequential.hpp"
#include "shunt/ops/reduce.hpp"
#include "support/catch.hpp"
#include "support/gap.hpp"

using namespace shunt;

TEST_CASE("BatchNorm: its state has PyTorch's names", "[nn][norm]") {
  const nn::BatchNorm2d bn(3);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : bn.state_dict()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"weight", "bias", "running_mean", "running_var", "num_batches_tracked"});
  CHECK(bn.parameters().size() == 2);
  CHECK(nn::BatchNorm1d(3, {.affine = false}).parameters().empty());
}

TEST_CASE("BatchNorm: batches in training, running statistics otherwise", "[nn][norm]") {
  manual_seed(1);
  nn::BatchNorm1d bn(4, {.momentum = 1});
  const auto x = randn({50, 4}) * 3 + 2;
  const auto y = bn(x);
  CHECK(y.mean(0).abs().max().item() < 1e-5f);
  CHECK(bn.num_batches_tracked.item() == 1);
  bn.eval();
  // The batch is divided by its biased deviation, the running one is unbiased.
  CHECK(gap(bn(x) * std::sqrt(50.0 / 49.0), y) < 1e-5);
  CHECK(bn.num_batches_tracked.item() == 1);
}

TEST_CASE("BatchNorm under checkpoint counts a batch once", "[nn][norm]") {
  manual_seed(2);
  const auto x = randn({6, 4});
  const auto run = [&](bool checkpointed) {
    nn::BatchNorm1d bn(4);
    const auto leaf = x.detach().requires_grad();
    const auto f = [&](const Tensor<float>& v) { return bn(v * v); };
    const auto y = checkpointed ? checkpoint(f, leaf) : f(leaf);
    (y * y * y).sum().backward();
    CHECK(bn.num_batches_tracked.item() == 1);
    return std::pair(bn.running_var.to_vector(), leaf.grad().to_vector());
  };
  CHECK(run(true) == run(false));
}

TEST_CASE("norms at the end of a branch add the skip themselves", "[nn][norm]") {
  manual_seed(3);
  const auto x = randn({5, 6}), image = randn({2, 6, 3, 3});
  const auto check = [&](auto norm, const Tensor<float>& in) {
    INFO(norm.kind());
    nn::ResidualBlock block(norm);
    CHECK(gap(block(in), in + norm(in)) < 1e-6);
    CHECK_THROWS_AS(norm.onto(in, zeros({1})), ShapeError);
  };
  check(nn::LayerNorm(6), x);
  check(nn::LayerNorm({6}, {.bias = false}), x);
  check(nn::RMSNorm(6), x);
  check(nn::BatchNorm1d(6), x);
  check(nn::BatchNorm2d(6), image);
  check(nn::GroupNorm(2, 6), image);
  check(nn::InstanceNorm2d(6, {.affine = true}), image);
}

TEST_CASE("norm layers print themselves and say what they expected", "[nn][norm]") {
  CHECK(nn::LayerNorm({3, 4}).options() == "(3, 4)");
  const std::int64_t width = 6;  // braces around one variable are a shape as well, no copy
  CHECK(nn::LayerNorm({width}).weight.shape() == Shape{6});
  CHECK(nn::RMSNorm({width}).weight.shape() == Shape{6});
  CHECK(nn::GroupNorm(2, 6).options() == "2, 6");
  CHECK(nn::BatchNorm2d(6).kind() == "BatchNorm2d");
  CHECK_THROWS_WITH(nn::BatchNorm2d(6)(zeros({2, 6})), Catch::Contains("BatchNorm2d") && Catch::Contains("(2, 6)"));
  CHECK_THROWS_WITH(nn::GroupNorm(2, 6)(zeros({2, 4})), Catch::Contains("expected (n, 6, ...)"));
  CHECK_THROWS_AS(nn::GroupNorm(4, 6), ShapeError);
  CHECK_THROWS_AS(nn::InstanceNorm2d(3)(zeros({2, 4, 2, 2})), ShapeError);
}
