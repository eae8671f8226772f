// gradcheck: compares a function's gradients with central differences.
#pragma once

#include <cstdio>

#include "shunt/autograd/backward.hpp"

namespace shunt {

struct GradcheckOptions {
  double eps = 1e-6;   ///< Step of the central difference.
  double atol = 1e-5;  ///< |analytic - numeric| must not exceed atol + rtol |numeric|.
  double rtol = 1e-3;
};

namespace detail {

using GradcheckFunction = std::function<Tensor<double>(const std::vector<Tensor<double>>&)>;

/// A fixed direction in which outputs of any shape become one number: no two weights alike, none small.
inline Tensor<double> fixed_weights(const Shape& shape) {
  auto w = Tensor<double>::empty(shape);
  for (std::int64_t i = 0; i < w.numel(); ++i) {
    const double t = static_cast<double>(i + 1) * 0.61803398874989485;  // the golden ratio spreads them evenly
    w.data()[i] = (i % 2 == 0 ? 1 : -1) * (0.5 + t - std::floor(t));
  }
  return w;
}

inline std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", v);
  return text;
}

/// The derivative of <w, f(x)> by element `at` of input k, which is put back afterwards.
inline double central_difference(const GradcheckFunction& f, const std::vector<Tensor<double>>& x, std::size_t k,
                                 std::int64_t at, const Tensor<double>& w, double eps) {
  double& element = x[k].data()[at];
  const double before = element, above = before + eps, below = before - eps;
  element = above;
  const auto up = copy_of(f(x));  // f may give back its argument
  element = below;
  const auto down = copy_of(f(x));
  element = before;
  double sum = 0;
  for (std::int64_t i = 0; i < w.numel(); ++i) sum += w.data()[i] * (up.data()[i] - down.data()[i]);
  return sum / (above - below);
}

[[gnu::noinline]] inline bool check_gradients(const GradcheckFunction& f, const std::vector<Tensor<double>>& inputs,
                                              const GradcheckOptions& options) {
  bool all = true;
  for (const auto& x : inputs) all = all && !x.wants_grad();
  std::vector<Tensor<double>> at, wanted;
  std::vector<std::size_t> which;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    at.push_back(copy_of(inputs[k]));
    if (!all && !inputs[k].wants_grad()) continue;
    wanted.push_back(at.back().requires_grad());
    which.push_back(k);
  }
  Tensor<double> w;
  std::vector<Tensor<double>> analytic;
  {
    const EnableGrad recorded;
    const auto y = f(at);
    w = fixed_weights(y.shape());
    if (y.wants_grad()) analytic = grad(y, wanted, w);
  }
  const NoGrad unrecorded;
  for (std::size_t i = 0; i < which.size(); ++i)
    for (std::int64_t j = 0; j < wanted[i].numel(); ++j) {
      const double numeric = central_difference(f, at, which[i], j, w, options.eps);
      const double a = analytic.empty() ? 0 : analytic[i].data()[j];
      if (!(std::abs(a - numeric) <= options.atol + options.rtol * std::abs(numeric)))
        raise<GraphError>("gradcheck: input ", which[i], " of shape ", wanted[i].shape(), ", element ", j,
                          ": the gradient is ", number(a), " but differences give ", number(numeric));
    }
  return true;
}

}  // namespace detail

/// Whether f's gradients agree with central differences; GraphError naming the input, the element and both values where
/// not. f takes the vector, or its tensors one by one, and gives one tensor of any shape; it is called often and must
/// be deterministic. Inputs that want a gradient are checked, all if none does; no grad() is touched (as PyTorch's).
template <class F>
bool gradcheck(const F& f, const std::vector<Tensor<double>>& inputs, const GradcheckOptions& options = {}) {
  using D = const Tensor<double>&;
  if constexpr (std::is_invocable_v<const F&, const std::vector<Tensor<double>>&>) {
    return detail::check_gradients(f, inputs, options);
  } else if constexpr (std::is_invocable_v<const F&, D>) {
    return detail::check_gradients([&](const auto& x) { return f(x.at(0)); }, inputs, options);
  } else if constexpr (std::is_invocable_v<const F&, D, D>) {
    return detail::check_gradients([&](const auto& x) { return f(x.at(0), x.at(1)); }, inputs, options);
  } else {
    return detail::check_gradients([&](const auto& x) { return f(x.at(0), x.at(1), x.at(2)); }, inputs, options);
  }
}

}  // namespace shunt
