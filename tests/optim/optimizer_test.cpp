// Every rule against PyTorch's update written out for one number, and what all optimizers share.
#include "shunt/optim/adam.hpp"
#include "shunt/optim/rmsprop.hpp"
#include "shunt/optim/sgd.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"
#include "support/isa.hpp"

using namespace shunt;

namespace {

/// What one element goes through: g -> the change of p, with whatever it keeps.
struct Oracle {
  std::int64_t t = 0;
  double a = 0, b = 0, c = 0;
  bool begun = false;
};

double sgd(Oracle& s, const optim::SGDOptions& o, double p, double g) {
  g += o.weight_decay * p;
  if (o.momentum != 0) {
    s.a = s.begun ? o.momentum * s.a + (1 - o.dampening) * g : g;
    s.begun = true;
    g = o.nesterov ? g + o.momentum * s.a : s.a;
  }
  return p - o.lr * g;
}
double adam(Oracle& s, const optim::AdamOptions& o, bool decoupled, double p, double g) {
  ++s.t;
  if (decoupled)
    p -= o.lr * o.weight_decay * p;
  else
    g += o.weight_decay * p;
  s.a = o.betas.first * s.a + (1 - o.betas.first) * g;
  s.b = o.betas.second * s.b + (1 - o.betas.second) * g * g;
  s.c = std::max(s.c, s.b);
  const double c1 = 1 - std::pow(o.betas.first, s.t), c2 = 1 - std::pow(o.betas.second, s.t);
  const double denominator = std::sqrt(o.amsgrad ? s.c : s.b) / std::sqrt(c2) + o.eps;
  return p - o.lr / c1 * s.a / denominator;
}
double rmsprop(Oracle& s, const optim::RMSpropOptions& o, double p, double g) {
  g += o.weight_decay * p;
  s.a = o.alpha * s.a + (1 - o.alpha) * g * g;
  s.b = o.alpha * s.b + (1 - o.alpha) * g;
  const double step = g / (std::sqrt(o.centered ? s.a - s.b * s.b : s.a) + o.eps);
  s.c = o.momentum * s.c + step;
  return p - o.lr * (o.momentum > 0 ? s.c : step);
}

template <Real T>
void give_grad(const Tensor<T>& p, const Tensor<T>& g) {
  p.zero_grad();
  (p * g).sum().backward();
}
template <Real T>
constexpr double tolerance = std::is_same_v<T, double> ? 1e-11 : 2e-5;

/// Runs `make(params)` for six steps on arrays of many lengths, gradients drawn anew each time.
template <Real T, class Make, class Step>
void compare_here(const Make& make, const Step& step) {
  Generator random(3);
  std::vector<Tensor<T>> params;
  for (const std::int64_t n : {0, 1, 3, 31, 32, 33, 64, 100, 20000})
    params.push_back(randn<T>({n}, random).requires_grad());
  std::vector<std::vector<Oracle>> state;
  std::vector<std::vector<double>> values;
  for (const auto& p : params) {
    state.emplace_back(static_cast<std::size_t>(p.numel()));
    values.emplace_back(p.data(), p.data() + p.numel());
  }
  auto opt = make(params);
  for (int k = 0; k < 6; ++k) {
    for (std::size_t i = 0; i < params.size(); ++i) {
      const auto g = randn<T>(params[i].shape(), random);
      give_grad(params[i], g);
      for (std::size_t j = 0; j < values[i].size(); ++j)
        values[i][j] = step(state[i][j], values[i][j], static_cast<double>(g.data()[j]));
    }
    opt.step();
  }
  double worst = 0;
  for (std::size_t i = 0; i < params.size(); ++i)
    for (std::size_t j = 0; j < values[i].size(); ++j)
      worst = std::max(
          worst, std::abs(values[i][j] - static_cast<double>(params[i].data()[j])) / (1 + std::abs(values[i][j])));
  CHECK(worst < tolerance<T>);
}
/// The same with the kernels of every instruction set that this machine has.
template <Real T, class Make, class Step>
void compare(const Make& make, const Step& step) {
  for (const Isa now : kernels::isas()) {
    CAPTURE(now);
    const kernels::Setting setting(now, num_threads());
    compare_here<T>(make, step);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("SGD follows PyTorch's formula", "[optim]", float, double) {
  const auto o =
      GENERATE(values<optim::SGDOptions>({{.lr = 0.1},
                                          {.lr = 0.1, .weight_decay = 0.3},
                                          {.lr = 0.1, .momentum = 0.9},
                                          {.lr = 0.1, .momentum = 0.9, .dampening = 0.5},
                                          {.lr = 0.1, .momentum = 0.8, .weight_decay = 0.1, .nesterov = true}}));
  compare<TestType>([&](auto& p) { return optim::SGD(p, o); },
                    [&](Oracle& s, double p, double g) { return sgd(s, o, p, g); });
}

TEMPLATE_TEST_CASE("Adam and AdamW follow PyTorch's formula", "[optim]", float, double) {
  const auto o =
      GENERATE(values<optim::AdamOptions>({{.lr = 0.1},
                                           {.lr = 0.1, .betas = {0.7, 0.9}, .eps = 1e-3, .weight_decay = 0.2},
                                           {.lr = 0.1, .betas = {0.5, 0.6}, .amsgrad = true}}));
  compare<TestType>([&](auto& p) { return optim::Adam(p, o); },
                    [&](Oracle& s, double p, double g) { return adam(s, o, false, p, g); });
  const optim::AdamWOptions w{o.lr, o.betas, o.eps, o.weight_decay, o.amsgrad};
  compare<TestType>([&](auto& p) { return optim::AdamW(p, w); },
                    [&](Oracle& s, double p, double g) { return adam(s, o, true, p, g); });
}

TEMPLATE_TEST_CASE("RMSprop follows PyTorch's formula", "[optim]", float, double) {
  const auto o = GENERATE(values<optim::RMSpropOptions>({{},
                                                         {.alpha = 0.9, .eps = 1e-3, .weight_decay = 0.2},
                                                         {.momentum = 0.9},
                                                         {.eps = 1e-3, .centered = true},
                                                         {.eps = 1e-3, .momentum = 0.5, .centered = true}}));
  compare<TestType>([&](auto& p) { return optim::RMSprop(p, o); },
                    [&](Oracle& s, double p, double g) { return rmsprop(s, o, p, g); });
}

TEST_CASE("defaults are PyTorch's", "[optim]") {
  CHECK(optim::AdamWOptions{}.weight_decay == 0.01);
  CHECK(optim::AdamOptions{}.weight_decay == 0);
  CHECK(optim::AdamOptions{}.lr == 1e-3);
  CHECK(optim::RMSpropOptions{}.lr == 1e-2);
}

TEST_CASE("an optimizer's step is the same bits at any number of threads", "[optim]") {
  const auto run = [](int threads) {
    set_num_threads(threads);
    Generator random(1);
    std::vector<Tensor<float>> params;
    for (int i = 0; i < 40; ++i) params.push_back(randn({1 + 997 * (i % 7) + 20000 * (i % 3)}, random).requires_grad());
    optim::AdamW opt(params, {.lr = 0.1});
    for (int k = 0; k < 3; ++k) {
      for (const auto& p : params) give_grad(p, randn(p.shape(), random));
      opt.step();
    }
    return params;
  };
  const int before = num_threads();
  const auto one = run(1), four = run(4);
  set_num_threads(before);
  bool same = true;
  for (std::size_t i = 0; i < one.size(); ++i) same = same && one[i].to_vector() == four[i].to_vector();
  CHECK(same);
}

TEST_CASE("a parameter without a gradient is left alone, and its count does not go on", "[optim]") {
  auto a = ones({3}).requires_grad(), b = ones({3}).requires_grad();
  optim::Adam opt({a, b}, {.lr = 0.1});
  give_grad(a, ones({3}));
  opt.step();
  CHECK(b.to_vector() == std::vector<float>(3, 1));
  CHECK(a.at({0}) == Approx(0.9));
  const auto dict = opt.state_dict();
  CHECK(dict.contains("state.0.step"));
  CHECK_FALSE(dict.contains("state.1.step"));
  give_grad(b, ones({3}));
  opt.step();
  CHECK(b.at({0}) == Approx(0.9));  // its first step, corrected as one
  opt.zero_grad();
  CHECK_FALSE(a.has_grad());
  const auto kept = a.to_vector();
  opt.step();
  CHECK(a.to_vector() == kept);
}

TEST_CASE("parameters may be strided views, and bfloat16", "[optim]") {
  auto whole = ones({3, 4});
  auto view = whole.t().detach().requires_grad();
  optim::SGD opt({view}, {.lr = 1});
  give_grad(view, arange(12).reshape({4, 3}));
  opt.step();
  CHECK(whole.at({0, 1}) == 1 - 3);
  CHECK(whole.at({2, 3}) == 1 - 11);

  auto h = full<bfloat16>({40}, 1).requires_grad();
  optim::Adam small({h}, {.lr = 0.125});
  give_grad(h, full<bfloat16>({40}, 2));
  small.step();
  CHECK(static_cast<float>(h.at({39})) == 0.875f);
  CHECK(small.state_dict().at("state.0.exp_avg_sq").dtype() == DType::float32);
}

TEST_CASE("a step is seen by backward passes that kept the old values", "[optim]") {
  auto w = ones({3}).requires_grad();
  optim::SGD opt({w}, {.lr = 0.1});
  auto loss = (w * w).sum();
  loss.backward({.retain_graph = true});
  opt.step();
  CHECK_THROWS_AS(loss.backward(), GraphError);
}

TEST_CASE("groups have options of their own; a parameter given twice, or a result, is refused", "[optim]") {
  auto a = ones({2}).requires_grad(), b = ones({2}).requires_grad();
  optim::SGD opt(std::vector{a}, {.lr = 1});
  opt.add_param_group({b}, {.lr = 0.5});
  give_grad(a, ones({2}));
  give_grad(b, ones({2}));
  opt.step();
  CHECK(a.at({0}) == 0);
  CHECK(b.at({0}) == 0.5f);
  opt.set_lr(2);
  CHECK(opt.lr(1) == 2);
  opt.options(1).momentum = 0.9;
  CHECK(opt.momentum(1) == 0.9);
  CHECK_THROWS_AS(opt.add_param_group({a}, {}), ValueError);
  CHECK_THROWS_AS(opt.add_param_group({a + b}, {}), ValueError);
  CHECK_THROWS_AS(opt.options(2), IndexError);
  CHECK_THROWS_AS(optim::SGD({a}, {.lr = -1}), ValueError);
  CHECK_THROWS_AS(optim::SGD({a}, {.nesterov = true}), ValueError);
  CHECK_THROWS_AS(optim::Adam({a}, {.betas = {1, 0.9}}), ValueError);
}

TEST_CASE("a restored optimizer goes on with the same bits", "[optim]") {
  const auto train = [](auto make, int stop) {
    Generator random(5);
    auto p = randn({50}, random).requires_grad(), q = randn({7, 3}, random).requires_grad();
    auto opt = make(std::vector{p, q});
    for (int k = 0; k < 10; ++k) {
      give_grad(p, randn({50}, random));
      if (k % 2 == 0)
        give_grad(q, randn({7, 3}, random));
      else
        q.zero_grad();
      opt.step();
      if (k + 1 == stop) {  // another optimizer takes over, with other options until it loads
        auto next = make(std::vector{p, q});
        next.set_lr(7);
        next.load_state_dict(opt.state_dict());
        for (++k; k < 10; ++k) {
          give_grad(p, randn({50}, random));
          if (k % 2 == 0)
            give_grad(q, randn({7, 3}, random));
          else
            q.zero_grad();
          next.step();
        }
      }
    }
    auto all = p.to_vector();
    for (float v : q.to_vector()) all.push_back(v);
    return all;
  };
  const auto check = [&](auto make) {
    CHECK(train(make, 0) == train(make, 4));
    CHECK(train(make, 0) == train(make, 5));
  };
  check([](auto p) { return optim::SGD(p, {.lr = 0.1, .momentum = 0.9, .dampening = 0.1}); });
  check([](auto p) { return optim::AdamW(p, {.lr = 0.1, .amsgrad = true}); });
  check([](auto p) { return optim::RMSprop(p, {.lr = 0.1, .momentum = 0.9, .centered = true}); });
}

TEST_CASE("a state of other parameters is refused, and nothing is changed", "[optim]") {
  auto a = ones({2}).requires_grad();
  optim::Adam opt({a});
  give_grad(a, ones({2}));
  opt.step();
  auto dict = opt.state_dict();
  const auto refuse = [&](const StateDict& d) {
    try {
      opt.load_state_dict(d);
    } catch (const Error&) {
      return opt.state_dict().at("state.0.step").as<std::int64_t>().item() == 1 && opt.lr() == 1e-3;
    }
    return false;
  };
  auto wrong = dict;
  wrong["state.0.exp_avg"] = zeros({3});
  wrong["param_groups.0.lr"] = full<double>({}, 5);
  CHECK(refuse(wrong));
  wrong = dict;
  wrong.set("state.1.step", dict.at("state.0.step"));
  CHECK(refuse(wrong));
  wrong = dict;
  wrong.erase("param_groups.0.eps");
  CHECK(refuse(wrong));
  wrong = dict;
  wrong["param_groups.0.eps"] = full<double>({}, -1);
  CHECK(refuse(wrong));
  give_grad(a, ones({2}));
  opt.step();  // what was handed out stays what it was
  CHECK(dict.at("state.0.step").as<std::int64_t>().item() == 1);
  CHECK(dict.at("state.0.exp_avg").as<float>().at({0}) == Approx(0.1));
}
