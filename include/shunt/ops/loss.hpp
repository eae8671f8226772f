// Losses between a prediction and its target of the same shape, fused: the value in one pass, each gradient in another.
#pragma once

#include "shunt/ops/cross_entropy.hpp"
#include "shunt/ops/pointwise.hpp"

namespace shunt {

struct LossOptions {
  LossReduction reduction = "mean";
};
struct SmoothL1Options {
  LossReduction reduction = "mean";
  double beta = 1;  ///< Where the parabola becomes a line.
};
template <Scalar T>
struct BceOptions {
  Tensor<T> weight = {};  ///< What each element counts; broadcast.
  LossReduction reduction = "mean";
  Tensor<T> pos_weight = {};  ///< What each positive answer counts; broadcast.
};
struct KlDivOptions {
  Choice<"mean", "sum", "none", "batchmean"> reduction = "mean";
  bool log_target = false;
};

namespace detail {

/// A loss of two numbers L(a, b) with its derivatives da and db, as the elementwise loops take it.
template <class L>
struct LossValue {
  L loss;
  template <class A>
  A operator()(A a, A b) const {
    return loss.value(a, b);
  }
};
template <class T, class L>
struct LossTotal : kernels::Sum<T> {
  using Acc = accumulate_t<T>;
  L loss;
  Acc divisor;
  Acc map(Acc a, Acc b) const { return loss.value(a, b); }
  Acc finish(Acc sum) const { return sum / divisor; }
};
template <class A, class L, bool Target>
struct LossGrad {
  L loss;
  A divisor;
  A operator()(A g, A a, A b) const {
    if constexpr (Target)
      return g * loss.db(a, b) / divisor;
    else
      return g * loss.da(a, b) / divisor;
  }
};

/// The loss of every pair, or their sum over `divisor` if `joined`. a and b broadcast.
template <Real T, class L>
Tensor<T> pairwise_loss(const char* op, const L& loss, const Tensor<T>& a, const Tensor<T>& b, bool joined,
                        double divisor) {
  using A = accumulate_t<T>;
  const Shape shape = broadcast(op, a.shape(), b.shape());
  const auto over = convert<A>(divisor);
  const auto whole = [shape](const Tensor<T>& x) { return x.alias(x.data(), shape, strides_in(x, shape)); };
  auto y = Tensor<T>::empty(joined ? Shape{} : shape);
  if (joined)
    reduce_into(LossTotal<T, L>{{}, loss, over}, false, y, whole(a), whole(b));
  else
    map_into(LossValue<L>{loss}, y, a, b);
  return record(op, y, {a, b}, [a = save(a), b = save(b), loss, over, whole, op](const Tensor<T>& g, Slots<T>& into) {
    const auto x = whole(a.get(op)), t = whole(b.get(op)), upstream = whole(g);
    into.map(0, LossGrad<A, L, false>{loss, over}, upstream, x, t);
    into.map(1, LossGrad<A, L, true>{loss, over}, upstream, x, t);
  });
}
template <Real T, class L>
Tensor<T> pairwise_loss(const char* op, const L& loss, const Tensor<T>& a, const Tensor<T>& b,
                        LossReduction reduction) {
  const double n = static_cast<double>(broadcast(op, a.shape(), b.shape()).numel());
  return pairwise_loss(op, loss, a, b, !(reduction == "none"), reduction == "mean" ? n : 1);
}

template <class A>
A sign(A d) {
  return A(d > A(0) ? 1 : d < A(0) ? -1 : 0);
}
struct SquaredError {
  template <class A>
  A value(A a, A b) const {
    return (a - b) * (a - b);
  }
  template <class A>
  A da(A a, A b) const {
    return A(2) * (a - b);
  }
  template <class A>
  A db(A a, A b) const {
    return A(2) * (b - a);
  }
};
struct AbsoluteError {
  template <class A>
  A value(A a, A b) const {
    const A d = a - b;
    return d < A(0) ? static_cast<A>(-d) : d;
  }
  template <class A>
  A da(A a, A b) const {
    return sign(static_cast<A>(a - b));
  }
  template <class A>
  A db(A a, A b) const {
    return sign(static_cast<A>(b - a));
  }
};
template <class A>
struct SmoothL1 {
  A beta;
  A value(A a, A b) const {
    const A d = AbsoluteError{}.value(a, b);
    return d < beta ? A(0.5) * d * d / beta : d - A(0.5) * beta;
  }
  A da(A a, A b) const {
    const A d = a - b, size = d < A(0) ? static_cast<A>(-d) : d;
    return size >= beta ? sign(d) : static_cast<A>(d / beta);  // a NaN stays
  }
  A db(A a, A b) const { return da(b, a); }
};
/// Minus the log-likelihood of a coin whose logit is x and that fell on z.
struct LogisticError {
  template <class A>
  A value(A x, A z) const {
    const A size = x < A(0) ? static_cast<A>(-x) : x;
    return (x < A(0) ? A(0) : x) - x * z + kernels::math::log1p(kernels::math::exp(static_cast<A>(-size)));
  }
  template <class A>
  A da(A x, A z) const {
    return kernels::math::sigmoid(x) - z;
  }
  template <class A>
  A db(A x, A) const {
    return -x;
  }
};
/// z (log z - x), 0 where z is 0.
struct Divergence {
  template <class A>
  A value(A x, A z) const {
    return (z == A(0) ? A(0) : z * kernels::math::log(z)) - z * x;
  }
  template <class A>
  A da(A, A z) const {
    return -z;
  }
  template <class A>
  A db(A x, A z) const {
    return kernels::math::log(z) + z / z - x;  // NaN where z is 0, as PyTorch has it
  }
};
struct LogDivergence {
  template <class A>
  A value(A x, A z) const {
    return kernels::math::exp(z) * (z - x);
  }
  template <class A>
  A da(A, A z) const {
    return -kernels::math::exp(z);
  }
  template <class A>
  A db(A x, A z) const {
    return kernels::math::exp(z) * (z - x + A(1));
  }
};
/// log(1 + exp(x)).
struct Softplus {
  template <class A>
  A operator()(A x) const {
    return LogisticError{}.value(x, A(0));
  }
};
struct SoftplusGrad {
  template <class A>
  A operator()(A g, A x) const {
    return g * kernels::math::sigmoid(x);
  }
};

}  // namespace detail

/// Squared difference, averaged. Shapes broadcast.
template <Real T>
Tensor<T> mse_loss(const Tensor<T>& input, const Tensor<T>& target, LossOptions options = {}) {
  return detail::pairwise_loss("mse_loss", detail::SquaredError{}, input, target, options.reduction);
}
/// Absolute difference, averaged; gradient 0 where there is none. Shapes broadcast.
template <Real T>
Tensor<T> l1_loss(const Tensor<T>& input, const Tensor<T>& target, LossOptions options = {}) {
  return detail::pairwise_loss("l1_loss", detail::AbsoluteError{}, input, target, options.reduction);
}
/// d^2 / (2 beta) for differences d below beta, |d| - beta / 2 above (Girshick 2015). beta = 0 is l1_loss.
template <Real T>
Tensor<T> smooth_l1_loss(const Tensor<T>& input, const Tensor<T>& target, SmoothL1Options options = {}) {
  if (!(options.beta >= 0)) detail::raise<ValueError>("smooth_l1_loss: beta must not be negative, got ", options.beta);
  const detail::SmoothL1<accumulate_t<T>> loss{detail::convert<accumulate_t<T>>(options.beta)};
  return detail::pairwise_loss("smooth_l1_loss", loss, input, target, options.reduction);
}

/// Cross entropy of sigmoid(logits) with probabilities of the same shape, without ever forming the sigmoid.
template <Real T>
Tensor<T> binary_cross_entropy_with_logits(const Tensor<T>& logits, const Tensor<T>& target,
                                           const BceOptions<std::type_identity_t<T>>& options = {}) {
  constexpr const char* op = "binary_cross_entropy_with_logits";
  if (logits.shape() != target.shape())
    detail::raise<ShapeError>(op, ": logits ", logits.shape(), " for a target of ", target.shape());
  if (!options.weight.defined() && !options.pos_weight.defined())
    return detail::pairwise_loss(op, detail::LogisticError{}, logits, target, options.reduction);
  // (1 - z) x + (1 + (p - 1) z) log(1 + exp(-x))
  auto losses =
      options.pos_weight.defined()
          ? (1 - target) * logits + ((options.pos_weight - 1) * target + 1) *
                                        detail::unary_of_input(op, detail::Softplus{}, detail::SoftplusGrad{}, -logits)
          : detail::pairwise_loss(op, detail::LogisticError{}, logits, target, "none");
  if (options.weight.defined()) losses = losses * options.weight;
  return options.reduction == "none" ? losses : options.reduction == "sum" ? sum(losses) : mean(losses);
}

/// target (log target - input), where input is a log-probability and so is target with .log_target. The mean is over
/// all elements; "batchmean", over the first dimension, is the divergence's definition.
template <Real T>
Tensor<T> kl_div(const Tensor<T>& input, const Tensor<T>& target, KlDivOptions options = {}) {
  const Shape shape = detail::broadcast("kl_div", input.shape(), target.shape());
  const auto count = options.reduction == "mean"                          ? shape.numel()
                     : options.reduction == "batchmean" && !shape.empty() ? shape[0]
                                                                          : 1;
  const bool joined = !(options.reduction == "none");
  if (options.log_target)
    return detail::pairwise_loss("kl_div", detail::LogDivergence{}, input, target, joined, static_cast<double>(count));
  return detail::pairwise_loss("kl_div", detail::Divergence{}, input, target, joined, static_cast<double>(count));
}

}  // namespace shunt
