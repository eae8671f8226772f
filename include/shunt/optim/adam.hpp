// Adam (Kingma and Ba 2014), and AdamW, whose weight decay stays out of the moments (Loshchilov and Hutter 2017).
#pragma once

#include <cmath>

#include "shunt/optim/optimizer.hpp"

namespace shunt::optim {

struct AdamOptions {
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.999};  ///< How much of each moment stays at a step.
  double eps = 1e-8;
  double weight_decay = 0;  ///< Adam: added to the gradient, times the parameter. AdamW: p shrinks by lr times it.
  bool amsgrad = false;     ///< Divide by the largest second moment so far (Reddi et al. 2018).

  void check() const {
    detail::check_option("lr", lr, lr >= 0);
    detail::check_option("betas[0]", betas.first, betas.first >= 0 && betas.first < 1);
    detail::check_option("betas[1]", betas.second, betas.second >= 0 && betas.second < 1);
    detail::check_option("eps", eps, eps >= 0);
    detail::check_option("weight_decay", weight_decay, weight_decay >= 0);
  }
  double& first_momentum() { return betas.first; }
  void each(OptionWalk& visit) {
    visit("lr", lr);
    visit("betas.0", betas.first);
    visit("betas.1", betas.second);
    visit("eps", eps);
    visit("weight_decay", weight_decay);
    visit("amsgrad", amsgrad);
  }
};
/// AdamOptions with AdamW's default decay.
struct AdamWOptions {
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 1e-2;
  bool amsgrad = false;

  void check() const { AdamOptions{lr, betas, eps, weight_decay, amsgrad}.check(); }
  double& first_momentum() { return betas.first; }
  void each(OptionWalk& visit) {
    AdamOptions o{lr, betas, eps, weight_decay, amsgrad};
    o.each(visit);
    *this = {o.lr, o.betas, o.eps, o.weight_decay, o.amsgrad};
  }
};

namespace detail {

/// p -= lr / c1 * m / (sqrt(v) / sqrt(c2) + eps), where c = 1 - beta^step takes out the start from 0; sqrt(c2) is
/// multiplied into the numbers before, which leaves one division an element.
template <class S, bool Amsgrad>
struct AdamRule {
  static constexpr int states = Amsgrad ? 3 : 2;
  static constexpr bool takes_root = true;
  S keep, weight_decay, take1, beta2, take2, step_size, eps;

  S moments(const S& p, S g, S& m, S& v) const {
    g += weight_decay * p;
    m += take1 * (g - m);
    v = beta2 * v + take2 * g * g;
    return v;
  }
  S radicand(const S& p, S g, S& m, S& v) const { return moments(p, g, m, v); }
  S radicand(const S& p, S g, S& m, S& v, S& largest) const {
    const S now = moments(p, g, m, v);
    largest = largest < now ? now : largest;
    return largest;
  }
  void apply(S root, S& p, S, S& m, S&) const { p = keep * p - step_size * m / (root + eps); }
  void apply(S root, S& p, S g, S& m, S& v, S&) const { apply(root, p, g, m, v); }
};

template <Real T, class Options, bool Decoupled>
class AdamBase : public Optimizer<T, Options> {
  using Base = Optimizer<T, Options>;
  using typename Base::S;

 protected:
  std::span<const char* const> slots() const override {
    static constexpr const char* names[] = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
    return names;
  }
  void enlist(const Options& o, typename Base::State& state, const Tensor<T>& p, const Tensor<T>& g) override {
    if (o.amsgrad)
      add<true>(o, state, p, g, state.slot[2]);
    else
      add<false>(o, state, p, g);
  }

 private:
  template <bool Amsgrad, class... Largest>
  void add(const Options& o, typename Base::State& state, const Tensor<T>& p, const Tensor<T>& g, Largest&... largest) {
    const auto t = static_cast<double>(state.step);
    const double c1 = 1 - std::pow(o.betas.first, t), c2 = 1 - std::pow(o.betas.second, t);
    const AdamRule<S, Amsgrad> rule{S(Decoupled ? 1 - o.lr * o.weight_decay : 1.),
                                    S(Decoupled ? 0. : o.weight_decay),
                                    S(1 - o.betas.first),
                                    S(o.betas.second),
                                    S(1 - o.betas.second),
                                    S(o.lr / c1 * std::sqrt(c2)),
                                    S(o.eps * std::sqrt(c2))};
    Base::add(rule, p, g, state.slot[0], state.slot[1], largest...);
  }
};

}  // namespace detail

/// Adam with PyTorch's defaults; weight decay, if any, enters the gradient.
template <Real T>
class Adam final : public detail::AdamBase<T, AdamOptions, false> {
 public:
  explicit Adam(std::vector<Tensor<T>> params, AdamOptions options = {}) {
    this->add_param_group(std::move(params), options);
  }

 private:
  const char* name() const override { return "optim::Adam"; }
};

/// Adam with decoupled weight decay: p -= lr * weight_decay * p beside the step.
template <Real T>
class AdamW final : public detail::AdamBase<T, AdamWOptions, true> {
 public:
  explicit AdamW(std::vector<Tensor<T>> params, AdamWOptions options = {}) {
    this->add_param_group(std::move(params), options);
  }

 private:
  const char* name() const override { return "optim::AdamW"; }
};

template <Real T>
Adam(std::initializer_list<Tensor<T>>, AdamOptions = {}) -> Adam<T>;
template <Real T>
AdamW(std::initializer_list<Tensor<T>>, AdamWOptions = {}) -> AdamW<T>;

}  // namespace shunt::optim
