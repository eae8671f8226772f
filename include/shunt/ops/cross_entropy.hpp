// Cross entropy between logits and classes, fused: neither softmax nor its logarithm is ever stored.
#pragma once

#include "shunt/core/choice.hpp"
#include "shunt/ops/pointwise.hpp"
#include "shunt/ops/reduce.hpp"
#include "shunt/ops/softmax.hpp"

namespace shunt {

/// How the losses of a batch become one: their mean, their sum, or not at all.
using LossReduction = Choice<"mean", "sum", "none">;

template <Scalar T>
struct CrossEntropyOptions {
  Tensor<T> weight = {};             ///< (C): what each class counts. A constant: it gets no gradient.
  std::int64_t ignore_index = -100;  ///< Targets of this value count for nothing.
  LossReduction reduction = "mean";  ///< "mean" divides by the weights of the targets.
  double label_smoothing = 0;        ///< Shared evenly among all classes (Szegedy et al. 2016).
};
template <Scalar T>
struct NllLossOptions {
  Tensor<T> weight = {};
  std::int64_t ignore_index = -100;
  LossReduction reduction = "mean";
};

namespace detail {

/// Targets and weights, checked, and what a mean divides by.
template <Real T>
struct Classes {
  /// x is (C), (N, C) or (N, C, d1, ...); the target has that shape without C.
  Classes(const char* op, const Tensor<T>& x, const Tensor<std::int64_t>& t, const Tensor<T>& w, std::int64_t ignore)
      : along(detail::along(op, x.shape(), x.rank() == 1 ? 0 : 1)), target(dense(t)), ignore_index(ignore) {
    Shape wanted = x.shape();
    wanted.erase(x.rank() == 1 ? 0 : 1);
    if (t.shape() != wanted)
      raise<ShapeError>(op, ": input ", x.shape(), " wants a target of ", wanted, ", got ", t.shape());
    if (w.defined()) {
      if (w.shape() != Shape{along.n})
        raise<ShapeError>(op, ": input ", x.shape(), " wants ", along.n, " class weights, got ", w.shape());
      if (w.wants_grad()) raise<GraphError>(op, ": class weights are constants; give weight.detach()");
      weight = dense(w);
    }
    accumulate_t<T> sum(0);
    for (std::int64_t i = 0; i < target.numel(); ++i) {
      const auto k = target.data()[i];
      if (k == ignore_index) continue;
      if (k < 0 || k >= along.n)
        raise<IndexError>(op, ": target ", k, " is outside the ", along.n, " classes of ", x.shape());
      if (weight.defined())
        sum += static_cast<accumulate_t<T>>(weight.data()[k]);
      else
        ++counted;
    }
    divisor = weight.defined() ? sum : convert<accumulate_t<T>>(counted);
  }
  const T* weights() const { return weight.defined() ? weight.data() : nullptr; }

  kernels::Along along;
  Tensor<std::int64_t> target;
  Tensor<T> weight;
  std::int64_t ignore_index, counted = 0;
  accumulate_t<T> divisor;
};

/// One loss a line as the result that `reduction` asks for.
template <Real T, Scalar A>
Tensor<T> reduce_losses(const Tensor<A>& losses, LossReduction reduction, const A& divisor) {
  if (reduction == "none") {
    if constexpr (std::same_as<T, A>)
      return losses;
    else
      return map<T>("to", Copy<T>{}, losses);
  }
  const auto y = Tensor<T>::empty({});
  reduce_into(Mean<A>{{}, reduction == "mean" ? divisor : A(1)}, false, y, losses);
  return y;
}

inline void check_class_input(const char* op, const Shape& shape) {
  if (shape.empty()) raise<ShapeError>(op, ": needs (C), (N, C) or (N, C, ...), got ", shape);
}

}  // namespace detail

/// Cross entropy of softmax(logits) with target classes. logits (C), (N, C) or (N, C, d1, ...), target without C.
/// A target that is no class is an IndexError; the mean over no targets is NaN.
template <Real T>
Tensor<T> cross_entropy(const Tensor<T>& logits, const Tensor<std::int64_t>& target,
                        const CrossEntropyOptions<std::type_identity_t<T>>& options = {}) {
  using A = accumulate_t<T>;
  detail::check_class_input("cross_entropy", logits.shape());
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1))
    detail::raise<ValueError>("cross_entropy: label_smoothing ", options.label_smoothing, " is outside [0, 1]");
  const detail::Classes<T> c("cross_entropy", logits, target, options.weight, options.ignore_index);
  const auto losses = Tensor<A>::empty(target.shape()), stats = Tensor<A>::empty({2, c.along.lines()});
  const auto x = detail::dense(logits);
  const auto kernel = [along = c.along, ignore = c.ignore_index, smoothing = options.label_smoothing](
                          const Tensor<T>& from, const Tensor<std::int64_t>& to, const Tensor<T>& w) {
    return kernels::CrossEntropy<T>{along, from.data(), to.data(), w.defined() ? w.data() : nullptr, ignore, smoothing};
  };
  kernels::cross_entropy(kernel(x, c.target, c.weight), stats.data(), stats.data() + c.along.lines(), losses.data());
  const bool none = options.reduction == "none";
  const A scale = options.reduction == "mean" ? A(1) / c.divisor : A(1);
  return record("cross_entropy", detail::reduce_losses<T>(losses, options.reduction, c.divisor), {logits},
                [x = save(x), target = save(c.target), w = save(c.weight), stats = save(stats), kernel, none, scale](
                    const Tensor<T>& g, Slots<T>& into) {
                  if (!into.wants(0)) return;
                  auto [dx, accumulate] = into.target(0);
                  const auto kept = stats.get("cross_entropy");
                  kernels::cross_entropy_backward(
                      kernel(x.get("cross_entropy"), target.get("cross_entropy"), w.get("cross_entropy")), kept.data(),
                      kept.data() + kept.size(1), detail::dense(g).data(), none ? 1 : 0, scale, dx.data(), accumulate);
                });
}

/// The same with a probability for every class, of the logits' shape. The mean divides by the number of distributions.
template <Real T>
Tensor<T> cross_entropy(const Tensor<T>& logits, const Tensor<T>& target,
                        const CrossEntropyOptions<std::type_identity_t<T>>& options = {}) {
  detail::check_class_input("cross_entropy", logits.shape());
  if (target.shape() != logits.shape())
    detail::raise<ShapeError>("cross_entropy: probabilities ", target.shape(), " for logits ", logits.shape());
  const int dim = logits.rank() == 1 ? 0 : 1;
  const auto classes = logits.size(dim);
  const double smoothing = options.label_smoothing;
  const auto wanted = smoothing > 0 ? target * (1 - smoothing) + smoothing / static_cast<double>(classes) : target;
  auto scores = log_softmax(logits, dim);
  if (options.weight.defined()) {
    if (options.weight.shape() != Shape{classes})
      detail::raise<ShapeError>("cross_entropy: ", classes, " classes, but weights ", options.weight.shape());
    Shape across = Shape::filled(logits.rank(), 1);
    across[dim] = classes;
    scores = scores * reshape(options.weight, across);
  }
  const auto losses = -sum(scores * wanted, dim);
  if (options.reduction == "none") return losses;
  return options.reduction == "sum" ? sum(losses) : mean(losses);
}

/// Minus the log-probability of the target class, times its weight: cross_entropy of log_softmax. Shapes are its.
template <Real T>
Tensor<T> nll_loss(const Tensor<T>& log_probs, const Tensor<std::int64_t>& target,
                   const NllLossOptions<std::type_identity_t<T>>& options = {}) {
  using A = accumulate_t<T>;
  detail::check_class_input("nll_loss", log_probs.shape());
  const detail::Classes<T> c("nll_loss", log_probs, target, options.weight, options.ignore_index);
  const auto losses = Tensor<A>::empty(target.shape());
  const auto x = detail::dense(log_probs);
  const T* weights = c.weights();
  for (std::int64_t i = 0; i < c.along.lines(); ++i) {
    const auto k = c.target.data()[i];
    losses.data()[i] = k == c.ignore_index ? A(0)
                                           : -static_cast<A>(x.data()[c.along.begin(i) + k * c.along.inner]) *
                                                 (weights != nullptr ? static_cast<A>(weights[k]) : A(1));
  }
  const bool none = options.reduction == "none";
  const A scale = options.reduction == "mean" ? A(1) / c.divisor : A(1);
  return record("nll_loss", detail::reduce_losses<T>(losses, options.reduction, c.divisor), {log_probs},
                [along = c.along, target = save(c.target), w = save(c.weight), ignore = c.ignore_index, none, scale](
                    const Tensor<T>& g, Slots<T>& into) {
                  if (!into.wants(0)) return;
                  auto [dx, accumulate] = into.target(0);
                  if (!accumulate) std::fill_n(dx.data(), dx.numel(), T(0));
                  const auto classes = target.get("nll_loss");
                  const auto weight = w.get("nll_loss"), upstream = detail::dense(g);
                  for (std::int64_t i = 0; i < along.lines(); ++i) {
                    const auto k = classes.data()[i];
                    if (k == ignore) continue;
                    T& to = dx.data()[along.begin(i) + k * along.inner];
                    const A step = static_cast<A>(upstream.data()[none ? i : 0]) * scale *
                                   (weight.defined() ? static_cast<A>(weight.data()[k]) : A(1));
                    to = static_cast<T>(static_cast<A>(to) - step);
                  }
                });
}

}  // namespace shunt
