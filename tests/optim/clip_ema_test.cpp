// Clipping of gradients, and averages of parameters.
#include "shunt/optim/clip.hpp"
#include "shunt/optim/ema.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;

namespace {

template <Real T>
Tensor<T> with_grad(const Tensor<T>& g) {
  auto p = zeros<T>(g.shape()).requires_grad();
  (p * g).sum().backward();
  return p;
}

}  // namespace

TEMPLATE_TEST_CASE("clip_grad_norm_ scales all gradients by one factor", "[optim]", float, double) {
  Generator random(2);
  std::vector<Tensor<TestType>> params, before;
  for (const std::int64_t n : {0, 1, 70, 40000}) {
    before.push_back(randn<TestType>({n}, random));
    params.push_back(with_grad(before.back()));
  }
  params.push_back(zeros<TestType>({5}).requires_grad());  // has none
  double square = 0;
  for (const auto& g : before)
    for (TestType v : g.to_vector()) square += static_cast<double>(v) * static_cast<double>(v);
  CHECK(optim::clip_grad_norm_(params, 1e9) == Approx(std::sqrt(square)).epsilon(1e-12));
  CHECK(params[2].grad().to_vector() == before[2].to_vector());
  CHECK(optim::clip_grad_norm_(params, 2) == Approx(std::sqrt(square)).epsilon(1e-12));
  CHECK(optim::clip_grad_norm_(params, 1e9) == Approx(2).epsilon(1e-5));
  CHECK(params[2].grad().at({3}) == Approx(before[2].at({3}) * 2 / (std::sqrt(square) + 1e-6)));
}

TEST_CASE("clip_grad_norm_: large gradients, the largest element, nothing at all", "[optim]") {
  const auto p = with_grad(tensor({3e30, -4e30}));
  CHECK(optim::clip_grad_norm_(std::vector{p}, 1e31, std::numeric_limits<double>::infinity()) == Approx(4e30));
  CHECK(optim::clip_grad_norm_(std::vector{p}, 1) == Approx(5e30));
  CHECK(p.grad().at({1}) == Approx(-0.8));
  CHECK(optim::clip_grad_norm_(std::vector<Tensor<float>>{}, 1) == 0);
  CHECK_THROWS_AS(optim::clip_grad_norm_(std::vector{p}, 1, 1), ValueError);
  const auto bad = with_grad(tensor({1, NAN}));
  CHECK(std::isnan(optim::clip_grad_norm_(std::vector{bad}, 1)));
  CHECK(std::isnan(optim::clip_grad_norm_(std::vector{bad}, 1, std::numeric_limits<double>::infinity())));
}

TEST_CASE("clip_grad_value_ cuts each element", "[optim]") {
  const auto p = with_grad(tensor({-3, -0.5, 0.25, 9}));
  optim::clip_grad_value_(std::vector{p}, 0.5);
  CHECK(p.grad().to_vector() == std::vector<float>{-0.5f, -0.5f, 0.25f, 0.5f});
  CHECK_THROWS_AS(optim::clip_grad_value_(std::vector{p}, -1), ValueError);
}

TEST_CASE("EMA: averages, exchanged with the parameters and back", "[optim]") {
  auto p = full({40}, 1);
  optim::EMA ema(std::vector{p}, {.decay = 0.75});
  p.fill_(5);
  ema.update();
  ema.swap();
  CHECK(p.at({39}) == 2);
  ema.swap();
  CHECK(p.at({39}) == 5);
  ema.update();
  auto q = zeros({40});
  ema.copy_to({q});
  CHECK(q.at({0}) == 2.75f);
  const auto saved = ema.state_dict();
  ema.update();
  ema.load_state_dict(saved);
  CHECK(ema.updates() == 2);
  ema.copy_to();
  CHECK(p.at({0}) == 2.75f);
  CHECK_THROWS_AS(ema.copy_to({zeros({3})}), ShapeError);
  CHECK_THROWS_AS(ema.copy_to({}), ValueError);
  CHECK_THROWS_AS(optim::EMA(std::vector{p}, {.decay = 2}), ValueError);
}

TEST_CASE("EMA: the first averages of a warm-up are soon forgotten; bfloat16 is averaged in float", "[optim]") {
  auto p = full({2}, 0);
  optim::EMA ema(std::vector{p}, {.decay = 0.999, .warmup = true});
  p.fill_(1);
  ema.update();
  ema.copy_to();
  CHECK(p.at({0}) == Approx(0.9));  // decay 1/10
  auto h = full<bfloat16>({2}, 1);
  optim::EMA slow(std::vector{h}, {.decay = 0.999});
  h.fill_(2);
  for (int i = 0; i < 2000; ++i) slow.update();
  slow.copy_to();
  CHECK(static_cast<float>(h.at({0})) == Approx(2 - std::pow(0.999, 2000)).epsilon(0.01));
}
