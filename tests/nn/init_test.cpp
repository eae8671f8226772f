#include "shunt/nn/init.hpp"

#include "shunt/nn/linear.hpp"
#include "shunt/ops/conv.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;
namespace init = shunt::nn::init;

namespace {

struct Moments {
  double mean, std, low, high;
};
Moments moments(const Tensor<double>& x) {
  const double mean = x.mean().item();
  const auto c = x - mean;
  return {mean, std::sqrt((c * c).mean().item()), x.amin().item(), x.amax().item()};
}

}  // namespace

TEST_CASE("init: spreads are those of the papers", "[nn][init]") {
  manual_seed(1);
  const auto x = Tensor<double>::empty({200, 50, 3, 3});  // fan in 450, fan out 1800
  init::xavier_uniform_(x, 2);
  const double bound = 2 * std::sqrt(6.0 / 2250);
  CHECK(moments(x).high <= bound);
  CHECK(moments(x).high > 0.999 * bound);
  CHECK(moments(x).low < -0.999 * bound);
  init::xavier_normal_(x);
  CHECK(moments(x).std == Approx(std::sqrt(2.0 / 2250)).epsilon(0.02));
  init::kaiming_normal_(x, {.mode = "fan_out", .nonlinearity = "relu"});
  CHECK(moments(x).std == Approx(std::sqrt(2.0 / 1800)).epsilon(0.02));
  init::kaiming_uniform_(x, {.a = std::sqrt(5.0)});
  CHECK(moments(x).high <= 1 / std::sqrt(450.0));
  CHECK(moments(x).std == Approx(1 / std::sqrt(3 * 450.0)).epsilon(0.02));
  CHECK(std::abs(moments(x).mean) < 1e-3);
}

TEST_CASE("init: a truncated normal stays inside, with the spread that is left", "[nn][init]") {
  manual_seed(2);
  const auto x = Tensor<double>::empty({100000});
  init::trunc_normal_(x);
  CHECK(moments(x).low >= -2);
  CHECK(moments(x).high <= 2);
  CHECK(moments(x).std == Approx(0.87963).epsilon(0.01));  // sqrt(1 - 4 phi(2) / (2 Phi(2) - 1))
  init::trunc_normal_(x, 0, 1, 3, 5);
  CHECK(moments(x).low >= 3);
  CHECK(moments(x).mean == Approx(3.2831).epsilon(0.003));  // phi(3) - phi(5) over Phi(5) - Phi(3)
}

TEST_CASE("init: orthogonal rows or columns", "[nn][init]") {
  manual_seed(3);
  const auto shape = GENERATE(Shape{5, 5}, Shape{3, 7}, Shape{7, 3}, Shape{4, 2, 3, 3}, Shape{0, 4});
  const auto x = Tensor<double>::empty(shape);
  init::orthogonal_(x, 2);
  const auto rows = x.reshape({shape[0], shape[0] == 0 ? 4 : x.numel() / shape[0]});
  const auto gram = rows.size(0) <= rows.size(1) ? rows.matmul(rows.t()) : rows.t().matmul(rows);
  const auto gap = (gram - eye<double>(gram.size(0)) * 4).abs().to_vector();
  for (double g : gap) CHECK(g < 1e-13);
}

TEST_CASE("init: identities", "[nn][init]") {
  manual_seed(4);
  const auto m = Tensor<float>::empty({3, 5});
  init::eye_(m);
  CHECK(m.to_vector() == eye(3, 5).to_vector());
  const auto w = Tensor<float>::empty({4, 4, 3, 3});
  init::dirac_(w);
  const auto x = randn({2, 4, 5, 5});
  CHECK(conv2d(x, w, {}, {.padding = 1}).to_vector() == x.to_vector());
}

TEST_CASE("init writes into a parameter without a history, from the generator given", "[nn][init]") {
  const auto w = zeros({4, 4}).requires_grad();
  Generator a(5), b(5);
  init::normal_(w, 1, 2, a);
  CHECK(w.is_leaf());
  CHECK(w.to_vector() == (randn({4, 4}, b) * 2 + 1).to_vector());
  init::constant_(w, 3);
  CHECK(w.to_vector() == std::vector<float>(16, 3));
  CHECK_THROWS_AS(init::xavier_uniform_(zeros({3})), ShapeError);
  CHECK_THROWS_AS(init::orthogonal_(zeros({3})), ShapeError);
  CHECK_THROWS_AS(init::trunc_normal_(zeros({3}), 0, 1, 2, 2), ValueError);
}

TEST_CASE("NoInit: what would be drawn is 0 while it lives", "[nn][init]") {
  manual_seed(3);
  const auto before = generator().state().position;
  {
    const nn::NoInit unset;
    const nn::Linear layer(4, 5);
    CHECK(layer.weight.to_vector() == std::vector<float>(20, 0));
    CHECK(layer.bias.to_vector() == std::vector<float>(5, 0));
    const auto x = ones<double>({3, 3});
    init::orthogonal_(x);
    CHECK(x.to_vector() == std::vector<double>(9, 0));
    init::ones_(x);  // no draw
    init::trunc_normal_(x);
    CHECK(x.to_vector() == std::vector<double>(9, 0));
    { const nn::NoInit inner; }
    init::normal_(x, 1, 1);
    CHECK(x.to_vector() == std::vector<double>(9, 0));
    CHECK(generator().state().position == before);
  }
  CHECK(norm(nn::Linear(4, 5).weight).item() > 0);
}
