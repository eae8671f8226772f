// Schedules against PyTorch's recursions, written out step by step.
#include "shunt/optim/schedules.hpp"

#include "shunt/optim/adam.hpp"
#include "shunt/optim/sgd.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;

namespace {

optim::SGD<float> optimizer(double lr = 1) {
  return optim::SGD<float>({zeros({1}).requires_grad()}, {.lr = lr, .momentum = 0.5});
}
template <class S>
std::vector<double> rates(optim::AnyOptimizer& opt, S& schedule, int n) {
  std::vector<double> found;
  for (int i = 0; i < n; ++i, schedule.step()) found.push_back(opt.lr());
  return found;
}
bool near(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::abs(a[i] - b[i]) > 1e-12) return false;
  return true;
}

}  // namespace

TEST_CASE("step schedules fall where they should", "[optim][schedule]") {
  auto opt = optimizer();
  optim::StepLR a(opt, {.step_size = 2, .gamma = 0.5});
  CHECK(near(rates(opt, a, 5), {1, 1, 0.5, 0.5, 0.25}));
  auto opt2 = optimizer();
  optim::MultiStepLR b(opt2, {.milestones = {1, 3, 3}, .gamma = 0.5});
  CHECK(near(rates(opt2, b, 5), {1, 0.5, 0.5, 0.125, 0.125}));
  auto opt3 = optimizer();
  optim::ExponentialLR c(opt3, {.gamma = 0.5});
  CHECK(near(rates(opt3, c, 3), {1, 0.5, 0.25}));
  CHECK_THROWS_AS(optim::StepLR(opt, {.step_size = 0}), ValueError);
}

TEST_CASE("constant, linear and lambda schedules", "[optim][schedule]") {
  auto opt = optimizer(3);
  optim::ConstantLR a(opt, {.factor = 0.5, .total_iters = 2});
  CHECK(near(rates(opt, a, 4), {1.5, 1.5, 3, 3}));
  auto opt2 = optimizer(3);
  optim::LinearLR b(opt2, {.total_iters = 2});
  CHECK(near(rates(opt2, b, 4), {1, 2, 3, 3}));
  auto opt3 = optimizer(3);
  optim::LambdaLR c(opt3, [](std::int64_t t) { return 1.0 / static_cast<double>(1 + t); });
  CHECK(near(rates(opt3, c, 3), {3, 1.5, 1}));
}

TEST_CASE("cosine annealing agrees with PyTorch's recursion", "[optim][schedule]") {
  auto opt = optimizer(2);
  optim::CosineAnnealingLR schedule(opt, {.T_max = 7, .eta_min = 0.1});
  double lr = 2;
  for (int t = 1; t <= 7; ++t) {
    schedule.step();
    const double pi = std::numbers::pi;
    lr = (1 + std::cos(pi * t / 7)) / (1 + std::cos(pi * (t - 1) / 7)) * (lr - 0.1) + 0.1;
    CHECK(opt.lr() == Approx(lr).epsilon(1e-12));
  }
  CHECK_THROWS_AS(optim::CosineAnnealingLR(opt, {.T_max = 0}), ValueError);
}

TEST_CASE("warm-up goes over into what follows, and curves come one after another", "[optim][schedule]") {
  auto opt = optimizer();
  optim::LinearWarmup a(opt, {.steps = 4, .then = optim::CosineAnnealing{.T_max = 4}});
  const double low = 0.5 - std::sqrt(0.125), high = 0.5 + std::sqrt(0.125);
  CHECK(near(rates(opt, a, 9), {0, 0.25, 0.5, 0.75, 1, high, 0.5, low, 0}));
  auto opt2 = optimizer();
  optim::SequentialLR b(opt2, {optim::ConstantFactor{.factor = 0.5}, optim::StepDecay{.step_size = 1}}, {2});
  CHECK(near(rates(opt2, b, 5), {0.5, 0.5, 1, 0.1, 0.01}));
  CHECK_THROWS_AS(optim::SequentialLR(opt, {optim::LinearFactor{}}, {2}), ValueError);
  CHECK_THROWS_AS(
      optim::SequentialLR(opt, {optim::LinearFactor{}, optim::LinearFactor{}, optim::LinearFactor{}}, {3, 2}),
      ValueError);
}

TEST_CASE("one cycle: up, down, and momentum the other way", "[optim][schedule]") {
  optim::Adam opt({zeros({1}).requires_grad()});
  optim::OneCycleLR schedule(opt, {.max_lr = 1, .total_steps = 10, .anneal_strategy = "linear"});
  CHECK(opt.lr() == Approx(0.04));
  CHECK(opt.momentum() == Approx(0.95));
  schedule.step();
  CHECK(opt.lr() == Approx(0.52));
  schedule.step();
  CHECK(opt.lr() == Approx(1));
  CHECK(opt.momentum() == Approx(0.85));
  for (int i = 3; i < 10; ++i) schedule.step();
  CHECK(opt.lr() == Approx(0.04 / 1e4));
  CHECK(opt.momentum() == Approx(0.95));
  const double last = opt.options().lr;
  schedule.step();  // as a loop does that ends with it
  CHECK(opt.options().lr == last);
  CHECK_THROWS_AS(schedule.step(), ValueError);
}

TEST_CASE("a schedule keeps each group's base, and is restored", "[optim][schedule]") {
  optim::SGD opt({zeros({1}).requires_grad()}, {.lr = 1});
  opt.add_param_group({zeros({1}).requires_grad()}, {.lr = 10});
  optim::StepLR schedule(opt, {.step_size = 1, .gamma = 0.5});
  schedule.step();
  CHECK(opt.lr(1) == 5);
  const auto saved = schedule.state_dict();
  schedule.step();
  optim::StepLR other(opt, {.step_size = 1, .gamma = 0.5});  // begins from the rates as they are
  other.load_state_dict(saved);
  CHECK(other.last_epoch() == 1);
  other.step();
  CHECK(opt.lr(0) == 0.25);
  CHECK(opt.lr(1) == 2.5);
  StateDict wrong = saved;
  wrong.erase("base_lr.1");
  CHECK_THROWS_AS(other.load_state_dict(wrong), ValueError);
}
