// Initialisers: fill a tensor in place, outside any history.
#pragma once

#include <utility>

#include "shunt/core/choice.hpp"
#include "shunt/ops/creation.hpp"
#include "shunt/ops/inplace.hpp"
#include "shunt/ops/view.hpp"

namespace shunt::nn::init {

template <Scalar T>
void constant_(const Tensor<T>& x, double value) {
  const NoGrad unrecorded;
  x.fill_(value);
}
template <Scalar T>
void zeros_(const Tensor<T>& x) {
  constant_(x, 0);
}
template <Scalar T>
void ones_(const Tensor<T>& x) {
  constant_(x, 1);
}
namespace detail {
inline thread_local bool draws_nothing = false;

/// Whether a NoInit lives on this thread; x is 0 then.
template <Real T>
bool starts_at_zero(const Tensor<T>& x) {
  if (draws_nothing) zeros_(x);
  return draws_nothing;
}

/// x = draws * scale + shift, by a plain loop: every layer starts with it, and tensor operations cost more to compile.
template <Real T>
void set_scaled(const Tensor<T>& x, const Tensor<T>& draws, double scale, double shift) {
  const T factor = shunt::detail::convert<T>(scale), start = shunt::detail::convert<T>(shift);
  for (std::int64_t i = 0; i < draws.numel(); ++i) draws.data()[i] = static_cast<T>(draws.data()[i] * factor + start);
  const NoGrad unrecorded;
  x.copy_(draws);
}
}  // namespace detail
/// Uniform in [low, high).
template <Real T>
void uniform_(const Tensor<T>& x, double low = 0, double high = 1, Generator& g = generator()) {
  if (!detail::starts_at_zero(x)) detail::set_scaled(x, rand<T>(x.shape(), g), high - low, low);
}
template <Real T>
void normal_(const Tensor<T>& x, double mean = 0, double std = 1, Generator& g = generator()) {
  if (!detail::starts_at_zero(x)) detail::set_scaled(x, randn<T>(x.shape(), g), std, mean);
}

/// Inputs and outputs that one unit sees: (out, in, ...window).
struct Fan {
  double in, out;
};
inline Fan fan_of(const Shape& shape) {
  if (shape.rank() < 2) shunt::detail::raise<ShapeError>("init: fan needs at least two dimensions, got ", shape);
  double window = 1;
  for (int d = 2; d < shape.rank(); ++d) window *= static_cast<double>(shape[d]);
  return {static_cast<double>(shape[1]) * window, static_cast<double>(shape[0]) * window};
}

struct KaimingOptions {
  double a = 0;  ///< Negative slope of the leaky ReLU that follows; only for that one.
  Choice<"fan_in", "fan_out"> mode = "fan_in";
  Choice<"leaky_relu", "relu", "linear", "tanh"> nonlinearity = "leaky_relu";
};
namespace detail {
inline double kaiming_std(const Shape& shape, const KaimingOptions& o) {
  const Fan fan = fan_of(shape);
  const double gain = o.nonlinearity == "leaky_relu" ? std::sqrt(2 / (1 + o.a * o.a))
                      : o.nonlinearity == "relu"     ? std::sqrt(2.0)
                      : o.nonlinearity == "tanh"     ? 5.0 / 3
                                                     : 1.0;
  const double n = o.mode == "fan_in" ? fan.in : fan.out;
  return n > 0 ? gain / std::sqrt(n) : 0;
}
}  // namespace detail
/// Keeps the variance of activations (fan_in) or gradients (fan_out) through ReLUs (He et al. 2015, eq. 10).
template <Real T>
void kaiming_normal_(const Tensor<T>& x, KaimingOptions options = {}, Generator& g = generator()) {
  normal_(x, 0, detail::kaiming_std(x.shape(), options), g);
}
template <Real T>
void kaiming_uniform_(const Tensor<T>& x, KaimingOptions options = {}, Generator& g = generator()) {
  const double bound = std::sqrt(3.0) * detail::kaiming_std(x.shape(), options);
  uniform_(x, -bound, bound, g);
}

/// Keeps the variance of activations and gradients about equal through linear layers (Glorot and Bengio 2010).
template <Real T>
void xavier_uniform_(const Tensor<T>& x, double gain = 1, Generator& g = generator()) {
  const Fan fan = fan_of(x.shape());
  const double bound = fan.in + fan.out > 0 ? gain * std::sqrt(6 / (fan.in + fan.out)) : 0;
  uniform_(x, -bound, bound, g);
}
template <Real T>
void xavier_normal_(const Tensor<T>& x, double gain = 1, Generator& g = generator()) {
  const Fan fan = fan_of(x.shape());
  normal_(x, 0, fan.in + fan.out > 0 ? gain * std::sqrt(2 / (fan.in + fan.out)) : 0, g);
}

/// Normal, given that it lies in [low, high]; a draw outside is replaced by one from the inverse of the distribution
/// function, found by bisection, so that no interval is too far out.
template <Real T>
void trunc_normal_(const Tensor<T>& x, double mean = 0, double std = 1, double low = -2, double high = 2,
                   Generator& g = generator()) {
  if (!(low < high) || !(std > 0))
    shunt::detail::raise<ValueError>("trunc_normal_: needs low < high and std > 0, got ", low, ", ", high, ", ", std);
  if (detail::starts_at_zero(x)) return;
  const auto phi = [](double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); };
  const double first = (low - mean) / std, last = (high - mean) / std;
  const auto normal = randn<double>(x.shape(), g), uniform = rand<double>(x.shape(), g);
  auto y = Tensor<T>::empty(x.shape());
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    double z = normal.data()[i];
    if (z < first || z > last) {
      const double wanted = phi(first) + (phi(last) - phi(first)) * uniform.data()[i];
      double from = first, to = last;
      for (int step = 0; step < 60; ++step) (phi((from + to) / 2) < wanted ? from : to) = (from + to) / 2;
      z = (from + to) / 2;
    }
    y.data()[i] = shunt::detail::convert<T>(mean + std * z);
  }
  const NoGrad unrecorded;
  x.copy_(y);
}

/// Rows (or columns, of which there are fewer) that are orthonormal, times gain; dimensions after the first count as
/// one (Saxe et al. 2013).
template <Real T>
void orthogonal_(const Tensor<T>& x, double gain = 1, Generator& g = generator()) {
  if (x.rank() < 2) shunt::detail::raise<ShapeError>("orthogonal_: needs at least two dimensions, got ", x.shape());
  if (detail::starts_at_zero(x)) return;
  const std::int64_t rows = x.size(0), cols = rows > 0 ? x.numel() / rows : 0;
  const std::int64_t count = std::min(rows, cols), length = std::max(rows, cols);
  const auto q = randn<double>({count, length}, g);
  const auto dot = [&](std::int64_t i, std::int64_t j) {
    double sum = 0;
    for (std::int64_t k = 0; k < length; ++k) sum += q.data()[i * length + k] * q.data()[j * length + k];
    return sum;
  };
  for (std::int64_t i = 0; i < count; ++i) {
    for (int pass = 0; pass < 2; ++pass)  // once more is enough (Giraud et al. 2005)
      for (std::int64_t j = 0; j < i; ++j) {
        const double along = dot(i, j);
        for (std::int64_t k = 0; k < length; ++k) q.data()[i * length + k] -= along * q.data()[j * length + k];
      }
    const double norm = std::sqrt(dot(i, i));
    for (std::int64_t k = 0; k < length; ++k) q.data()[i * length + k] /= norm;
  }
  const auto matrix = rows <= cols ? q : q.t();
  const NoGrad unrecorded;
  x.copy_((matrix * gain).reshape(x.shape()).template to<T>());
}

/// Ones on the diagonal, zeros elsewhere.
template <Real T>
void eye_(const Tensor<T>& x) {
  if (x.rank() != 2) shunt::detail::raise<ShapeError>("eye_: needs a matrix, got ", x.shape());
  const NoGrad unrecorded;
  x.copy_(eye<T>(x.size(0), x.size(1)));
}
/// A convolution's weight (out, in, ...window) that passes channel i on as channel i: 1 at the window's centre.
template <Real T>
void dirac_(const Tensor<T>& x) {
  if (x.rank() < 3) shunt::detail::raise<ShapeError>("dirac_: needs (out, in, ...window), got ", x.shape());
  const NoGrad unrecorded;
  x.zero_();
  for (std::int64_t c = 0; c < std::min(x.size(0), x.size(1)); ++c) {
    Shape at{c, c};
    for (int d = 2; d < x.rank(); ++d) at.push_back(x.size(d) / 2);
    if (x.numel() > 0) x.at(at) = T(1);
  }
}

}  // namespace shunt::nn::init

namespace shunt::nn {

/// While one lives, weights that this thread would draw are 0: to make a network whose weights are loaded next, or set
/// by hand, in a fraction of the time.
class NoInit {
 public:
  NoInit() : before_(std::exchange(init::detail::draws_nothing, true)) {}
  NoInit(const NoInit&) = delete;
  NoInit& operator=(const NoInit&) = delete;
  ~NoInit() { init::detail::draws_nothing = before_; }

 private:
  bool before_;
};

}  // namespace shunt::nn
