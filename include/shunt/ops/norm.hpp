// Normalisation: values made zero-mean and unit-variance over a set of elements, then scaled and shifted by weights.
#pragma once

#include "shunt/kernels/norm.hpp"
#include "shunt/ops/creation.hpp"
#include "shunt/ops/skip.hpp"
#include "shunt/ops/view.hpp"

namespace shunt {
namespace detail {

/// False while a checkpoint replays a forward pass whose running statistics have been updated already.
inline bool may_update_buffers() { return !replaying; }

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

/// Sums `parts`, (parts, weights) or (weights,), into slot i.
template <Scalar T, Scalar A>
void add_sums(Slots<T>& into, std::size_t i, const Tensor<A>& parts) {
  if (!into.wants(i)) return;
  auto [out, accumulate] = into.target(i);
  reduce_into(kernels::Sum<A>{}, accumulate, out.alias(out.data(), {out.numel()}, {1}), parts);
}

/// Means and reciprocal deviations, one a set; those given are not computed.
template <Scalar A>
struct NormStatistics {
  Tensor<A> mean, rstd, var = {};
  bool fixed = false;
};

/// base + norm(x), where base, w and b may hold nothing. `plan` says what is a set; `parts` is the shape in which the
/// weights' gradients come from the kernel.
template <class Plan, Scalar T, Scalar A>
Tensor<T> norm_onto(const char* op, const Plan& plan, const Shape& parts, const Tensor<T>& base, const Tensor<T>& x,
                    const Tensor<T>& w, const Tensor<T>& b, double eps, const NormStatistics<A>& by) {
  if (base.defined()) check_skip(base.shape(), x.shape());
  const auto from = dense(x), scale = dense_or_nothing(w), shift = dense_or_nothing(b), skip = dense_or_nothing(base);
  auto y = Tensor<T>::empty(x.shape());
  if (x.numel() > 0)
    kernels::norm_forward<T>(plan, {from.data(), data_or_null(scale), data_or_null(shift), data_or_null(skip), y.data(),
                                    by.mean.data(), by.rstd.data(), data_or_null(by.var), eps, by.fixed});
  return record(op, y, {x, w, b, base},
                [plan, op, parts, fixed = by.fixed, x = save(from), w = save(scale), mean = save(by.mean),
                 rstd = save(by.rstd)](const Tensor<T>& g, Slots<T>& into) {
                  into.add(3, g);
                  const auto up = dense(g), weight = w.get(op);
                  const auto dw = into.wants(1) ? zeros<A>(parts) : Tensor<A>();
                  const auto db = into.wants(2) ? zeros<A>(parts) : Tensor<A>();
                  auto [dx, accumulate] = into.wants(0) ? into.target(0) : std::pair<Tensor<T>, bool>();
                  if (g.numel() > 0)
                    kernels::norm_backward<T>(plan, {x.get(op).data(), data_or_null(weight), up.data(),
                                                     mean.get(op).data(), rstd.get(op).data(), data_or_null(dx),
                                                     accumulate, data_or_null(dw), data_or_null(db), fixed});
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
    detail::copy_into(copy, running);
    return copy;
  };
  detail::NormStatistics<A> by;
  if (options.training) {
    by = {Tensor<A>::empty({channels}), Tensor<A>::empty({channels}), Tensor<A>::empty({channels})};
  } else {
    by = {keep(running_mean), keep(running_var), {}, true};
    detail::map_into(detail::RstdOf<A>{options.eps}, by.rstd, by.rstd);
  }
  auto y = detail::norm_onto("batch_norm", sets, {channels}, base, x, w, b, options.eps, by);
  if (options.training && n * area > 0 && detail::may_update_buffers()) {
    const auto move = [&](const Tensor<T>& running, const Tensor<A>& now, double factor) {
      if (!running.defined()) return;
      using C = kernels::compute_t<T>;
      detail::map_into(detail::MovingMean<C>{C(1 - options.momentum), C(options.momentum * factor)}, running, running,
                       now);
      running.body().storage->last_change = "batch_norm";
      running.body().storage->version.fetch_add(1, std::memory_order_relaxed);
    };
    const auto count = static_cast<double>(n * area);
    move(running_mean, by.mean, 1);
    move(running_var, by.var, count / (count - 1));
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

namespace detail {

/// Layer and RMS norm over the trailing dimensions `shape`.
template <Scalar T>
Tensor<T> norm_rows(const char* op, bool centered, const Tensor<T>& base, const Tensor<T>& x, const Shape& shape,
                    const Tensor<T>& w, const Tensor<T>& b, double eps) {
  using A = accumulate_t<T>;
  const int lead = x.rank() - shape.rank();
  if (shape.empty() || lead < 0 || Shape(x.shape().begin() + lead, x.shape().end()) != shape)
    raise<ShapeError>(op, ": expected last dimensions ", shape, ", got input ", x.shape());
  check_norm_weights(op, shape, {{"weight", shape_or_null(w)}, {"bias", shape_or_null(b)}});
  const kernels::NormRows plan(Shape(x.shape().begin(), x.shape().begin() + lead).numel(), shape.numel(), centered);
  const auto scale = b.defined() && !w.defined() ? ones<T>(shape) : w;
  return norm_onto<kernels::NormRows, T, A>(op, plan, {plan.parts(), plan.n}, base, x, scale, b, eps,
                                            {Tensor<A>::empty({plan.rows}), Tensor<A>::empty({plan.rows})});
}
template <Scalar T>
double rms_norm_eps() {
  return static_cast<double>(std::numeric_limits<kernels::compute_t<T>>::epsilon());
}

}  // namespace detail

/// base + layer_norm(x, ...), where base has x's shape or holds nothing: added while the result is written.
template <Real T>
Tensor<T> layer_norm_onto(const Tensor<T>& base, const Tensor<T>& x, const Shape& shape, const Tensor<T>& w,
                          const Tensor<T>& b, double eps = 1e-5) {
  return detail::norm_rows("layer_norm", true, base, x, shape, w, b, eps);
}
/// Normalises the trailing dimensions, which must be `shape`, of each element of the leading ones (Ba et al. 2016).
/// w and b have that shape or hold nothing.
template <Real T>
Tensor<T> layer_norm(const Tensor<T>& x, const Shape& shape, const Tensor<T>& w = {}, const Tensor<T>& b = {},
                     double eps = 1e-5) {
  return layer_norm_onto(Tensor<T>(), x, shape, w, b, eps);
}

/// base + rms_norm(x, ...), likewise.
template <Real T>
Tensor<T> rms_norm_onto(const Tensor<T>& base, const Tensor<T>& x, const Shape& shape, const Tensor<T>& w,
                        double eps = detail::rms_norm_eps<T>()) {
  return detail::norm_rows("rms_norm", false, base, x, shape, w, Tensor<T>(), eps);
}
/// Layer norm without the mean: x / sqrt(mean(x^2) + eps) w (Zhang and Sennrich 2019). eps is the scalar's epsilon by
/// default.
template <Real T>
Tensor<T> rms_norm(const Tensor<T>& x, const Shape& shape, const Tensor<T>& w = {},
                   double eps = detail::rms_norm_eps<T>()) {
  return rms_norm_onto(Tensor<T>(), x, shape, w, eps);
}

namespace detail {

template <Scalar T>
Tensor<T> norm_groups(const char* op, const Tensor<T>& base, const Tensor<T>& x, std::int64_t groups,
                      const Tensor<T>& w, const Tensor<T>& b, double eps) {
  using A = accumulate_t<T>;
  const std::int64_t n = x.size(0), channels = x.size(1), each = groups > 0 ? channels / groups : 0;
  if (groups < 1 || each * groups != channels)
    raise<ShapeError>(op, ": ", groups, " groups do not divide the channels of ", x.shape());
  check_norm_weights(op, {channels}, {{"weight", shape_or_null(w)}, {"bias", shape_or_null(b)}});
  const std::int64_t area = Shape(x.shape().begin() + 2, x.shape().end()).numel(), sets = n * groups;
  const kernels::NormShape plan = w.defined() || b.defined()
                                      ? kernels::NormShape{sets, each, area, each * area, area, groups, each, 1}
                                      : kernels::NormShape{sets, 1, each * area, each * area, 0, groups, 0, 0};
  return norm_onto<kernels::NormShape, T, A>(op, plan, {n, channels}, base, x, w, b, eps,
                                             {Tensor<A>::empty({sets}), Tensor<A>::empty({sets})});
}

}  // namespace detail

/// base + group_norm(x, ...), likewise.
template <Real T>
Tensor<T> group_norm_onto(const Tensor<T>& base, const Tensor<T>& x, std::int64_t groups, const Tensor<T>& w,
                          const Tensor<T>& b, double eps = 1e-5) {
  if (x.rank() < 2) detail::raise<ShapeError>("group_norm: needs (n, channels, ...), got ", x.shape());
  return detail::norm_groups("group_norm", base, x, groups, w, b, eps);
}
/// Normalises groups of neighbouring channels of each sample (Wu and He 2018): x (n, c, ...), w and b (c,) or nothing.
/// ShapeError if `groups` does not divide c.
template <Real T>
Tensor<T> group_norm(const Tensor<T>& x, std::int64_t groups, const Tensor<T>& w = {}, const Tensor<T>& b = {},
                     double eps = 1e-5) {
  return group_norm_onto(Tensor<T>(), x, groups, w, b, eps);
}
/// base + instance_norm(x, ...), likewise.
template <Real T>
Tensor<T> instance_norm_onto(const Tensor<T>& base, const Tensor<T>& x, const Tensor<T>& w, const Tensor<T>& b,
                             double eps = 1e-5) {
  if (x.rank() < 3) detail::raise<ShapeError>("instance_norm: needs (n, channels, ...), got ", x.shape());
  if (Shape(x.shape().begin() + 2, x.shape().end()).numel() == 1)
    detail::raise<ValueError>("instance_norm: needs more than one value a channel, got ", x.shape());
  return detail::norm_groups("instance_norm", base, x, std::max<std::int64_t>(x.size(1), 1), w, b, eps);
}
/// Normalises each channel of each sample (Ulyanov et al. 2016): x (n, c, ...) with at least one dimension behind c.
template <Real T>
Tensor<T> instance_norm(const Tensor<T>& x, const Tensor<T>& w = {}, const Tensor<T>& b = {}, double eps = 1e-5) {
  return instance_norm_onto(Tensor<T>(), x, w, b, eps);
}

}  // namespace shunt
