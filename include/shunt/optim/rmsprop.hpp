// RMSprop: the gradient over the root of its running mean square (Tieleman and Hinton 2012, lecture 6e).
#pragma once

#include "shunt/optim/optimizer.hpp"

namespace shunt::optim {

struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;  ///< How much of the mean square stays at a step.
  double eps = 1e-8;
  double weight_decay = 0;  ///< Added to the gradient, times the parameter.
  double momentum = 0;
  bool centered = false;  ///< Divide by the deviation instead of the mean square (Graves 2013).

  void check() const {
    detail::check_option("lr", lr, lr >= 0);
    detail::check_option("alpha", alpha, alpha >= 0);
    detail::check_option("eps", eps, eps >= 0);
    detail::check_option("weight_decay", weight_decay, weight_decay >= 0);
    detail::check_option("momentum", momentum, momentum >= 0);
  }
  double& first_momentum() { return momentum; }
  void each(OptionWalk& visit) {
    visit("lr", lr);
    visit("alpha", alpha);
    visit("eps", eps);
    visit("weight_decay", weight_decay);
    visit("momentum", momentum);
    visit("centered", centered);
  }
};

namespace detail {

/// States: the mean square, then the velocity, then the mean, as far as they are used.
template <class S, bool Momentum, bool Centered>
struct RMSpropRule {
  static constexpr int states = 1 + Momentum + Centered;
  static constexpr bool takes_root = true;
  S lr, alpha, take, eps, weight_decay, momentum;

  S square(S g, S& v) const {
    v = alpha * v + take * g * g;
    return v;
  }
  S variance(S g, S& v, S& mean) const {
    mean += take * (g - mean);
    return square(g, v) - mean * mean;
  }
  S radicand(const S& p, S g, S& v) const { return square(g + weight_decay * p, v); }
  S radicand(const S& p, S g, S& v, S& second) const {
    if constexpr (Centered)
      return variance(g + weight_decay * p, v, second);
    else
      return square(g + weight_decay * p, v);
  }
  S radicand(const S& p, S g, S& v, S&, S& mean) const { return variance(g + weight_decay * p, v, mean); }

  S scaled(S root, const S& p, S g) const { return (g + weight_decay * p) / (root + eps); }
  void move(S root, S& p, S g, S& velocity) const {
    velocity = momentum * velocity + scaled(root, p, g);
    p -= lr * velocity;
  }
  void apply(S root, S& p, S g, S&) const { p -= lr * scaled(root, p, g); }
  void apply(S root, S& p, S g, S&, S& second) const {
    if constexpr (Momentum)
      move(root, p, g, second);
    else
      p -= lr * scaled(root, p, g);
  }
  void apply(S root, S& p, S g, S&, S& velocity, S&) const { move(root, p, g, velocity); }
};

}  // namespace detail

/// p -= lr g / (sqrt(mean square of g) + eps), with PyTorch's options.
template <Real T>
class RMSprop final : public Optimizer<T, RMSpropOptions> {
  using Base = Optimizer<T, RMSpropOptions>;
  using typename Base::S;

 public:
  explicit RMSprop(std::vector<Tensor<T>> params, RMSpropOptions options = {}) {
    this->add_param_group(std::move(params), options);
  }

 private:
  const char* name() const override { return "optim::RMSprop"; }
  std::span<const char* const> slots() const override {
    static constexpr const char* names[] = {"square_avg", "momentum_buffer", "grad_avg"};
    return names;
  }
  void enlist(const RMSpropOptions& o, typename Base::State& state, const Tensor<T>& p, const Tensor<T>& g) override {
    auto& [v, velocity, mean] = state.slot;
    if (o.momentum > 0 && o.centered)
      add<true, true>(o, p, g, v, velocity, mean);
    else if (o.momentum > 0)
      add<true, false>(o, p, g, v, velocity);
    else if (o.centered)
      add<false, true>(o, p, g, v, mean);
    else
      add<false, false>(o, p, g, v);
  }
  template <bool Momentum, bool Centered, class... Slot>
  void add(const RMSpropOptions& o, const Tensor<T>& p, const Tensor<T>& g, Slot&... slot) {
    const detail::RMSpropRule<S, Momentum, Centered> rule{S(o.lr),  S(o.alpha),        S(1 - o.alpha),
                                                          S(o.eps), S(o.weight_decay), S(o.momentum)};
    Base::add(rule, p, g, slot...);
  }
};

template <Real T>
RMSprop(std::initializer_list<Tensor<T>>, RMSpropOptions = {}) -> RMSprop<T>;

}  // namespace shunt::optim
