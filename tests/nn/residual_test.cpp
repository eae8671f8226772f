#include "shunt/nn/residual.hpp"

#include "shunt/nn/activation.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/nn/sequential.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"
#include "support/gap.hpp"

using namespace shunt;

TEST_CASE("ResidualBlock: after(S(x) + scale * F(x))", "[nn][residual]") {
  manual_seed(1);
  const auto x = randn({4, 6});
  nn::Linear f(6, 3), s(6, 3);
  CHECK(gap(nn::ResidualBlock(nn::Linear(6, 6, {.bias = false}))(zeros({4, 6})), zeros({4, 6})) == 0);
  CHECK(gap(nn::ResidualBlock(f, s)(x), f(x) + s(x)) < 1e-6);
  CHECK(gap(nn::ResidualBlock({.branch = f, .shortcut = s, .scale = 0.5, .after = nn::ReLU()})(x),
            relu(s(x) + f(x) * 0.5)) < 1e-6);
}

TEST_CASE("ResidualBlock: learned scales, in the state as `scale`", "[nn][residual]") {
  manual_seed(2);
  const auto x = randn({4, 6});
  nn::Linear f(6, 6);
  const auto scales = GENERATE(values<nn::ResidualScale>({nn::ReZero{}, nn::SkipInit{}, nn::LayerScale{6, 0.25}}));
  nn::ResidualBlock block({.branch = f, .scale = scales});
  const bool layer_scale = std::holds_alternative<nn::LayerScale>(scales);
  CHECK(gap(block(x), layer_scale ? x + f(x) * 0.25 : x) < 1e-6);
  CHECK(block.state_dict().at("scale").shape() == (layer_scale ? Shape{6} : Shape{1}));
  block(x).sum().backward();
  CHECK(block.scale.has_grad());
}

TEST_CASE("ResidualBlock leaves whole samples out in training, and keeps the mean", "[nn][residual]") {
  manual_seed(3);
  nn::Linear f(2, 2);
  nn::init::zeros_(f.weight), nn::init::ones_(f.bias);  // F(x) = 1
  nn::ResidualBlock block({.branch = f, .drop_path = 0.75});
  const auto y = block(zeros({2000, 2}));
  int dropped = 0;
  for (std::int64_t i = 0; i < 2000; ++i) {
    CHECK(y.at({i, 0}) == y.at({i, 1}));
    CHECK((y.at({i, 0}) == 0 || y.at({i, 0}) == 4));
    dropped += y.at({i, 0}) == 0;
  }
  CHECK(std::abs(dropped - 1500) < 100);
  block.eval();
  CHECK(gap(block(zeros({5, 2})), ones({5, 2})) == 0);
  CHECK_THROWS_AS(nn::ResidualBlock({.branch = f, .drop_path = 1.5}), ValueError);
}

TEST_CASE("ResidualBlock around a call of the branch with more than x", "[nn][residual]") {
  manual_seed(4);
  nn::Linear f(3, 3);
  const auto x = randn({2, 3}), more = randn({2, 3});
  const auto call = [&](const Tensor<float>& in, const Tensor<float>& base) {
    return base.defined() ? f.onto(in * more, base) : f(in * more);
  };
  nn::ResidualBlock plain(f), scaled({.branch = f, .scale = 2.0, .after = nn::ReLU()});
  CHECK(gap(plain.with(x, call), x + f(x * more)) < 1e-6);
  CHECK(gap(scaled.with(x, call), relu(x + f(x * more) * 2.0)) < 1e-6);
}

TEST_CASE("ResidualBlock: shapes that differ are named", "[nn][residual]") {
  CHECK_THROWS_WITH(nn::ResidualBlock(nn::Linear(3, 5))(zeros({2, 3})),
                    Catch::Contains("ResidualBlock") && Catch::Contains("shortcut"));
  CHECK_THROWS_AS(nn::ResidualBlock({.branch = nn::Linear(3, 1), .scale = 0.5})(zeros({2, 3})), ShapeError);
}

TEST_CASE("ResidualBlock: a ReLU inside or behind it takes no buffer and leaves the caller's tensors alone",
          "[nn][residual]") {
  const auto buffers = [](auto& net, const auto& x) {
    net(x);
    const auto before = allocation_counts().buffers;
    net(x);
    return allocation_counts().buffers - before;
  };
  const auto x = randn({4, 6});
  const auto before = x.clone();
  auto bare = nn::ResidualBlock(nn::Sequential(nn::Linear(6, 6), nn::Linear(6, 6)));
  auto bent = nn::ResidualBlock<float>(
      {.branch = nn::Sequential(nn::ReLU(), nn::Linear(6, 6), nn::ReLU(), nn::Linear(6, 6)), .after = nn::ReLU()});
  CHECK(buffers(bent, x) == buffers(bare, x) + 1);  // the ReLU of x itself, which belongs to the caller
  CHECK(equal(x, before));
}
