// The schedules under PyTorch's names: `optim::StepLR(opt, {.step_size = 30})`.
#pragma once

#include "shunt/optim/schedule.hpp"

namespace shunt::optim {

struct StepLR : Schedule {
  StepLR(AnyOptimizer& optimizer, StepDecay o) : Schedule(optimizer, o) {}
};
struct MultiStepLR : Schedule {
  MultiStepLR(AnyOptimizer& optimizer, MultiStepDecay o) : Schedule(optimizer, std::move(o)) {}
};
struct ExponentialLR : Schedule {
  ExponentialLR(AnyOptimizer& optimizer, ExponentialDecay o) : Schedule(optimizer, o) {}
};
struct CosineAnnealingLR : Schedule {
  CosineAnnealingLR(AnyOptimizer& optimizer, CosineAnnealing o) : Schedule(optimizer, o) {}
};
struct ConstantLR : Schedule {
  explicit ConstantLR(AnyOptimizer& optimizer, ConstantFactor o = {}) : Schedule(optimizer, o) {}
};
struct LinearLR : Schedule {
  explicit LinearLR(AnyOptimizer& optimizer, LinearFactor o = {}) : Schedule(optimizer, o) {}
};
/// Base times what `factor(t)` gives.
struct LambdaLR : Schedule {
  template <class F>
  LambdaLR(AnyOptimizer& optimizer, F factor)
      : Schedule(optimizer, [factor](std::int64_t t, double base) { return base * static_cast<double>(factor(t)); }) {}
};
/// `LinearWarmup(opt, {.steps = 500, .then = optim::CosineAnnealing{.T_max = 9500}})`.
struct LinearWarmup : Schedule {
  LinearWarmup(AnyOptimizer& optimizer, Warmup o) : Schedule(optimizer, std::move(o)) {}
};
/// `SequentialLR(opt, {optim::LinearFactor{}, optim::CosineAnnealing{.T_max = 90}}, {5})`; one milestone fewer than
/// curves, in rising order.
struct SequentialLR : Schedule {
  SequentialLR(AnyOptimizer& optimizer, std::vector<Curve> curves, std::vector<std::int64_t> milestones)
      : Schedule(optimizer, Sequence{std::move(curves), std::move(milestones)}) {}
};

/// How a one-cycle schedule goes from one rate to the next.
using AnnealStrategy = Choice<"cos", "linear">;

struct OneCycleOptions {
  double max_lr;
  std::int64_t total_steps;
  double pct_start = 0.3;  ///< The share of the steps in which the rate rises.
  AnnealStrategy anneal_strategy = "cos";
  bool cycle_momentum = true;  ///< Momentum falls while the rate rises.
  double base_momentum = 0.85;
  double max_momentum = 0.95;
  double div_factor = 25;         ///< The first rate is max_lr / div_factor,
  double final_div_factor = 1e4;  ///< and the last one that over final_div_factor.
};

/// Up to max_lr and far down again, momentum the other way (Smith and Topin 2017). Beyond total_steps a ValueError.
struct OneCycleLR : Schedule {
  OneCycleLR(AnyOptimizer& optimizer, OneCycleOptions o)
      : Schedule(optimizer, rate(checked(o)), o.cycle_momentum ? momentum(o) : Curve()) {}

 private:
  static const OneCycleOptions& checked(const OneCycleOptions& o) {
    detail::check_schedule("OneCycleLR", o.total_steps > 0, "total_steps must be positive");
    detail::check_schedule("OneCycleLR", o.pct_start >= 0 && o.pct_start <= 1, "pct_start must lie in [0, 1]");
    return o;
  }
  /// a at step 0, b at the end of the rise, c at the last step; the step() behind it, which a loop that ends with one
  /// makes, changes nothing more.
  static double between(const OneCycleOptions& o, std::int64_t step, double a, double b, double c) {
    if (step > o.total_steps)
      shunt::detail::raise<ValueError>("optim::OneCycleLR: step ", step, " of a cycle of ", o.total_steps);
    const double last = static_cast<double>(o.total_steps) - 1, t = std::min(static_cast<double>(step), last);
    const double peak = o.pct_start * static_cast<double>(o.total_steps) - 1;
    const auto go = [&](double from, double to, double share) {
      return o.anneal_strategy == "cos" ? detail::cosine(from, to, share) : from + (to - from) * share;
    };
    if (t <= peak) return go(a, b, peak > 0 ? t / peak : 1);
    return go(b, c, last > peak ? (t - peak) / (last - peak) : 1);
  }
  static Curve rate(const OneCycleOptions& o) {
    return [o](std::int64_t t, double) {
      const double first = o.max_lr / o.div_factor;
      return between(o, t, first, o.max_lr, first / o.final_div_factor);
    };
  }
  static Curve momentum(const OneCycleOptions& o) {
    return [o](std::int64_t t, double) { return between(o, t, o.max_momentum, o.base_momentum, o.max_momentum); };
  }
};

}  // namespace shunt::optim
