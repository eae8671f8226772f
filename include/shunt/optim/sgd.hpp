// Stochastic gradient descent, with momentum (Polyak 1964) and Nesterov's form of it (Sutskever et al. 2013).
#pragma once

#include "shunt/optim/optimizer.hpp"

namespace shunt::optim {

struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;     ///< The share of a new gradient that does not enter the momentum.
  double weight_decay = 0;  ///< Added to the gradient, times the parameter.
  bool nesterov = false;    ///< Needs momentum and no dampening.

  void check() const {
    detail::check_option("lr", lr, lr >= 0);
    detail::check_option("momentum", momentum, momentum >= 0);
    detail::check_option("weight_decay", weight_decay, weight_decay >= 0);
    if (nesterov && (momentum <= 0 || dampening != 0))
      shunt::detail::raise<ValueError>("optim::SGD: nesterov needs a momentum and no dampening");
  }
  double& first_momentum() { return momentum; }
  void each(OptionWalk& visit) {
    visit("lr", lr);
    visit("momentum", momentum);
    visit("dampening", dampening);
    visit("weight_decay", weight_decay);
    visit("nesterov", nesterov);
  }
};

namespace detail {

template <class S>
struct SGDPlain {
  static constexpr int states = 0;
  static constexpr bool takes_root = false;
  S lr, weight_decay;
  void apply(S& p, S g) const { p -= lr * (g + weight_decay * p); }
};
template <class S>
struct SGDMomentum {
  static constexpr int states = 1;
  static constexpr bool takes_root = false;
  S lr, weight_decay, momentum, share;
  bool nesterov;
  void apply(S& p, S g, S& velocity) const {
    g += weight_decay * p;
    velocity = momentum * velocity + share * g;
    p -= lr * (nesterov ? g + momentum * velocity : velocity);
  }
};

}  // namespace detail

/// v = momentum v + (1 - dampening) g, p -= lr v; PyTorch's form, in which the first v is g.
template <Real T>
class SGD final : public Optimizer<T, SGDOptions> {
  using Base = Optimizer<T, SGDOptions>;
  using typename Base::S;

 public:
  explicit SGD(std::vector<Tensor<T>> params, SGDOptions options = {}) {
    this->add_param_group(std::move(params), options);
  }

 private:
  const char* name() const override { return "optim::SGD"; }
  std::span<const char* const> slots() const override {
    static constexpr const char* names[] = {"momentum_buffer"};
    return names;
  }
  void enlist(const SGDOptions& o, typename Base::State& state, const Tensor<T>& p, const Tensor<T>& g) override {
    if (o.momentum == 0) return this->add(detail::SGDPlain<S>{S(o.lr), S(o.weight_decay)}, p, g);
    auto& velocity = state.slot[0];
    const double share = velocity.defined() ? 1 - o.dampening : 1;
    this->add(detail::SGDMomentum<S>{S(o.lr), S(o.weight_decay), S(o.momentum), S(share), o.nesterov}, p, g, velocity);
  }
};

template <Real T>
SGD(std::initializer_list<Tensor<T>>, SGDOptions = {}) -> SGD<T>;

}  // namespace shunt::optim
