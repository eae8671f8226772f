// Schedule: sets an optimizer's learning rate as a function of the steps taken. Curves: those functions.
#pragma once

#include <cmath>
#include <functional>
#include <numbers>

#include "shunt/core/choice.hpp"
#include "shunt/optim/optimizer.hpp"

namespace shunt::optim {

/// The learning rate after t steps, from the one that the optimizer began with.
using Curve = std::function<double(std::int64_t t, double base)>;

namespace detail {
inline void check_schedule(const char* name, bool ok, const char* wanted) {
  if (!ok) shunt::detail::raise<ValueError>("optim::", name, ": ", wanted);
}
inline double cosine(double from, double to, double share) {
  return to + (from - to) * 0.5 * (1 + std::cos(std::numbers::pi * share));
}
}  // namespace detail

/// Times gamma every step_size steps.
struct StepDecay {
  std::int64_t step_size;
  double gamma = 0.1;
  double operator()(std::int64_t t, double base) const {
    detail::check_schedule("StepLR", step_size > 0, "step_size must be positive");
    return base * std::pow(gamma, static_cast<double>(t / step_size));
  }
};
/// Times gamma at each of the milestones.
struct MultiStepDecay {
  std::vector<std::int64_t> milestones;
  double gamma = 0.1;
  double operator()(std::int64_t t, double base) const {
    const auto passed = std::count_if(milestones.begin(), milestones.end(), [&](std::int64_t m) { return m <= t; });
    return base * std::pow(gamma, static_cast<double>(passed));
  }
};
/// Times gamma at every step.
struct ExponentialDecay {
  double gamma;
  double operator()(std::int64_t t, double base) const { return base * std::pow(gamma, static_cast<double>(t)); }
};
/// Half a cosine from the base down to eta_min in T_max steps, and up again (Loshchilov and Hutter 2016).
struct CosineAnnealing {
  std::int64_t T_max;
  double eta_min = 0;
  double operator()(std::int64_t t, double base) const {
    detail::check_schedule("CosineAnnealingLR", T_max > 0, "T_max must be positive");
    return detail::cosine(base, eta_min, static_cast<double>(t) / static_cast<double>(T_max));
  }
};
/// Base times `factor` for total_iters steps, then the base.
struct ConstantFactor {
  double factor = 1.0 / 3;
  std::int64_t total_iters = 5;
  double operator()(std::int64_t t, double base) const { return t < total_iters ? base * factor : base; }
};
/// Base times a factor that goes evenly from start_factor to end_factor in total_iters steps.
struct LinearFactor {
  double start_factor = 1.0 / 3;
  double end_factor = 1;
  std::int64_t total_iters = 5;
  double operator()(std::int64_t t, double base) const {
    const double share = t >= total_iters ? 1 : static_cast<double>(t) / static_cast<double>(total_iters);
    return base * (start_factor + (end_factor - start_factor) * share);
  }
};
/// Evenly up from start_factor times the base, which is reached after `steps`; from there on `then`, which counts its
/// own steps from 0 (Goyal et al. 2017). Without it the base stays.
struct Warmup {
  std::int64_t steps;
  Curve then = {};
  double start_factor = 0;
  double operator()(std::int64_t t, double base) const {
    if (t < steps) return LinearFactor{start_factor, 1, steps}(t, base);
    return then ? then(t - steps, base) : base;
  }
};
/// Curve k from milestone k - 1 on, each counting its steps from 0.
struct Sequence {
  std::vector<Curve> curves;
  std::vector<std::int64_t> milestones;
  double operator()(std::int64_t t, double base) const {
    detail::check_schedule("SequentialLR", curves.size() == milestones.size() + 1,
                           "needs a milestone between two curves");
    detail::check_schedule("SequentialLR", std::is_sorted(milestones.begin(), milestones.end()),
                           "milestones must rise");
    std::size_t k = 0;
    while (k < milestones.size() && t >= milestones[k]) ++k;
    return curves[k](k == 0 ? t : t - milestones[k - 1], base);
  }
};

/// Any curve on an optimizer, which must outlive it. Sets the rates at once for t = 0; step() goes on to the next t.
/// Rates are computed from those that the optimizer had when the schedule was made, whatever was set by hand since.
class Schedule {
 public:
  Schedule(AnyOptimizer& optimizer, Curve curve) : Schedule(optimizer, std::move(curve), {}) {}

  void step() {
    ++t_;
    apply();
  }
  /// Steps taken.
  std::int64_t last_epoch() const { return t_; }
  double last_lr(std::size_t group = 0) const { return optimizer_->lr(group); }

  StateDict state_dict() const {
    StateDict dict{{"last_epoch", detail::number(t_)}};
    for (std::size_t g = 0; g < base_.size(); ++g) dict.set(key(g), detail::number(base_[g]));
    return dict;
  }
  /// Goes on from there. The present rates are left to the optimizer's own state.
  void load_state_dict(const StateDict& dict) {
    detail::StateReader from("optim::Schedule", dict);
    const auto t = from.integer("last_epoch");
    std::vector<double> base;
    for (std::size_t g = 0; g < base_.size(); ++g) base.push_back(from.real(key(g)));
    from.finish();
    t_ = t;
    base_ = std::move(base);
  }

 protected:
  /// `momentum`, if any, gives the momentum of every group in the same way.
  Schedule(AnyOptimizer& optimizer, Curve curve, Curve momentum)
      : optimizer_(&optimizer), curve_(std::move(curve)), momentum_(std::move(momentum)) {
    for (std::size_t g = 0; g < optimizer.groups(); ++g) base_.push_back(optimizer.lr(g));
    apply();
  }

 private:
  static std::string key(std::size_t g) { return "base_lr." + std::to_string(g); }
  void apply() {
    for (std::size_t g = 0; g < base_.size(); ++g) {
      optimizer_->set_lr(g, curve_(t_, base_[g]));
      if (momentum_) optimizer_->set_momentum(g, momentum_(t_, base_[g]));
    }
  }

  AnyOptimizer* optimizer_;
  Curve curve_, momentum_;
  std::vector<double> base_;
  std::int64_t t_ = 0;
};

}  // namespace shunt::optim
