// Normalisation: values made zero-mean and unit-variance over a set of elements, then scaled and shifted by weights.
#pragma once

#include "shunt/kernels/norm.hpp"
#include "shunt/ops/creation.hpp"
#include "shunt/ops/skip.hpp"
#include "shunt/ops/view.hpp"

namespace shunt {
namespace detail {

/// False while a checkpoint replays a forward pass whose running statistics have been updated already.
inline bool may_update_buffers() { return true; }

template <Scalar T>
T* data_or_null(const Tensor<T>& x) {
  return x.defined() ? x.data() : nullptr;
}
template <Scalar T>
Tensor<T> dense_or_nothing(const Tensor<T>& x) {
  return x.defined() ? dense(x) : x;
}
inline void check_norm_weights(const char* op, const Shape& want,
                               std::initializer_list<std::pair<const char*, const Shape*>> given) {
  for (const auto& [name, shape] : given)
    if (shape != nullptr && *shape != want) raise<ShapeError>(op, ": ", name, " must be ", want, ", got ", *shape);
}
template <Scalar T>
const Shape* shape_or_null(const Tensor<T>& x) {
  return x.defined() ? &x.shape() : nullptr;
}

/// Sums `parts` over their leading dimensions into slot i.
template <Scalar T, Scalar A>
void add_sums(Slots<T>& into, std::size_t i, const Tensor<A>& parts) {
  if (!into.wants(i)) return;
  auto [out, accumulate] = into.target(i);
  reduce_into(kernels::Sum<A>{}, accumulate, out, parts);
}

/// base + norm(x), base may hold nothing. mean and rstd are one a set; they are given if `fixed`. var may hold nothing.
/// Weights' gradients come as `parts`: their own shape, behind the number of images where each image has its own.
template <Scalar T, Scalar A>
Tensor<T> norm_onto(const char* op, const Tensor<T>& base, const kernels::NormShape& s, const Tensor<T>& x,
                    const Tensor<T>& w, const Tensor<T>& b, double eps, bool fixed, const Tensor<A>& mean,
                    const Tensor<A>& rstd, const Tensor<A>& var, const Shape& parts) {
  if (base.defined()) check_skip(base.shape(), x.shape());
  const auto from = dense(x), scale = dense_or_nothing(w), shift = dense_or_nothing(b), skip = dense_or_nothing(base);
  auto y = Tensor<T>::empty(x.shape());
  if (x.numel() > 0)
    kernels::norm_forward<T>(s, {from.data(), data_or_null(scale), data_or_null(shift), data_or_null(skip), y.data(),
                                 mean.data(), rstd.data(), data_or_null(var), eps, fixed});
  return record(op, y, {x, w, b, base},
                [s, op, fixed, parts, x = save(from), w = save(scale), mean = save(mean), rstd = save(rstd)](
                    const Tensor<T>& g, Slots<T>& into) {
                  into.add(3, g);
                  const auto up = dense(g), weight = w.get(op);
                  const auto dw = into.wants(1) ? zeros<A>(parts) : Tensor<A>();
                  const auto db = into.wants(2) ? zeros<A>(parts) : Tensor<A>();
                  auto [dx, accumulate] = into.wants(0) ? into.target(0) : std::pair<Tensor<T>, bool>();
                  if (g.numel() > 0)
                    kernels::norm_backward<T>(
                        s, {x.get(op).data(), data_or_null(weight), up.data(), mean.get(op).data(), rstd.get(op).data(),
                            data_or_null(dx), accumulate, data_or_null(dw), data_or_null(db), fixed});
                  add_sums(into, 1, dw);
                  add_sums(into, 2, db);
                });
}

template <class A>
struct RstdOf {
  double eps;
  A operator()(A var) const { return kernels::norm_rstd(var, eps, A{}); }
};
/// (1 - momentum) old + momentum new * factor
template <class A>
struct MovingMean {
  A keep, take;
  A operator()(A old, A now) const { return keep * old + take * now; }
};

}  // namespace detail

struct BatchNormOptions {
  bool training = false;  ///< Normalise by the batch, and move the running statistics towards it.
  double momentum = 0.1;  ///< The batch's share in the new running statistics.
  double eps = 1e-5;
};

/// base + batch_norm(x, ...), where base has x's shape or holds nothing: added while the result is written.
template <Real T>
Tensor<T> batch_norm_onto(const Tensor<T>& base, const Tensor<T>& x, const Tensor<T>& running_mean,
                          const Tensor<T>& running_var, const Tensor<T>& w, const Tensor<T>& b,
                          BatchNormOptions options) {
  using A = accumulate_t<T>;
  if (x.rank() < 2) detail::raise<ShapeError>("batch_norm: needs (n, channels, ...), got ", x.shape());
  const std::int64_t n = x.size(0), channels = x.size(1);
  const std::int64_t area = Shape(x.shape().begin() + 2, x.shape().end()).numel();
  detail::check_norm_weights("batch_norm", {channels},
                             {{"running_mean", detail::shape_or_null(running_mean)},
                              {"running_var", detail::shape_or_null(running_var)},
                              {"weight", detail::shape_or_null(w)},
                              {"bias", detail::shape_or_null(b)}});
  if (options.training && n * area == 1)
    detail::raise<ValueError>("batch_norm: needs more than one value a channel to train on, got ", x.shape());
  if (!options.training && (!running_mean.defined() || !running_var.defined()))
    detail::raise<ValueError>("batch_norm: needs running statistics where it does not train");

  const kernels::NormShape sets{channels, n, area, area, channels * area, channels, 1, 0};
  const auto keep = [](const Tensor<T>& running) {
    auto copy = Tensor<A>::empty(running.shape());
    detail::map_into(detail::Copy<A>{}, copy, running);
    return copy;
  };
  if (!options.training) {
    auto rstd = keep(running_var);
    detail::map_into(detail::RstdOf<A>{options.eps}, rstd, rstd);
    return detail::norm_onto("batch_norm", base, sets, x, w, b, options.eps, true, keep(running_mean), rstd,
                             Tensor<A>(), {channels});
  }
  const auto mean = Tensor<A>::empty({channels}), rstd = Tensor<A>::empty({channels}),
             var = Tensor<A>::empty({channels});
  auto y = detail::norm_onto("batch_norm", base, sets, x, w, b, options.eps, false, mean, rstd, var, {channels});
  if (n * area > 0 && detail::may_update_buffers()) {
    const auto move = [&](const Tensor<T>& running, const Tensor<A>& now, double factor) {
      if (!running.defined()) return;
      using C = kernels::compute_t<T>;
      detail::map_into(detail::MovingMean<C>{C(1 - options.momentum), C(options.momentum * factor)}, running, running,
                       now);
      running.body().storage->last_change = "batch_norm";
      running.body().storage->version.fetch_add(1, std::memory_order_relaxed);
    };
    const auto count = static_cast<double>(n * area);
    move(running_mean, mean, 1);
    move(running_var, var, count / (count - 1));
  }
  return y;
}
/// Normalises each channel over the batch (Ioffe and Szegedy 2015): x (n, c), (n, c, l) or (n, c, h, w), all others
/// (c,) or nothing. In training the running tensors are changed in place, the variance unbiased, outside any history.
template <Real T>
Tensor<T> batch_norm(const Tensor<T>& x, const Tensor<T>& running_mean, const Tensor<T>& running_var,
                     const Tensor<T>& w = {}, const Tensor<T>& b = {}, BatchNormOptions options = {}) {
  return batch_norm_onto(Tensor<T>(), x, running_mean, running_var, w, b, options);
}

}  // namespace shunt
