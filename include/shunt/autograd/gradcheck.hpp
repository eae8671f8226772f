// gradcheck: compares a function's gradients with central differences.
#pragma once

#include <concepts>
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
template <std::same_as<double> T>
double central_difference(const GradcheckFunction& f, const std::vector<Tensor<T>>& x, std::size_t k, std::int64_t at,
                          const Tensor<T>& w, double eps) {
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

// Templates, so that programs that check nothing do not compile the gradients of doubles.
template <std::same_as<double> T>
[[gnu::noinline]] bool check_gradients(const GradcheckFunction& f, const std::vector<Tensor<T>>& inputs,
                                       const GradcheckOptions& options) {
  bool all = true;
  for (const auto& x : inputs) all = all && !x.wants_grad();
  std::vector<Tensor<T>> at, wanted;
  std::vector<std::size_t> which;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    at.push_back(copy_of(inputs[k]));
    if (!all && !inputs[k].wants_grad()) continue;
    wanted.push_back(at.back().requires_grad());
    which.push_back(k);
  }
  Tensor<T> w;
  std::vector<Tensor<T>> analytic;
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

/// Whether f is declared to take a vector of tensors; a generic lambda takes tensors one by one.
template <class F>
constexpr bool takes_vector() {
  if constexpr (std::is_pointer_v<F> || std::is_function_v<F> || requires { &F::operator(); })
    return std::is_invocable_v<const F&, const std::vector<Tensor<double>>&>;
  else
    return false;
}
template <class F, std::size_t... I>
GradcheckFunction spread_arguments(const F& f, std::size_t given, std::index_sequence<I...>) {
  if (given != sizeof...(I)) raise<ValueError>("gradcheck: f takes ", sizeof...(I), " tensors, got ", given);
  return [&f](const std::vector<Tensor<double>>& x) { return f(x[I]...); };
}

}  // namespace detail

/// Whether f's gradients agree with central differences; GraphError naming the input, the element and both values where
/// not. f takes up to four tensors, or a std::vector of them, and gives one of any shape; it must be deterministic.
/// Inputs that want a gradient are checked, all if none does; no grad() is touched (as PyTorch's).
template <class F>
bool gradcheck(const F& f, const std::vector<Tensor<double>>& inputs, const GradcheckOptions& options = {}) {
  using D = const Tensor<double>&;
  const auto check = [&]<std::size_t... I>(std::index_sequence<I...> each) {
    return detail::check_gradients(detail::spread_arguments(f, inputs.size(), each), inputs, options);
  };
  if constexpr (detail::takes_vector<F>())
    return detail::check_gradients(std::cref(f), inputs, options);
  else if constexpr (std::is_invocable_v<const F&, D, D, D, D>)
    return check(std::make_index_sequence<4>());
  else if constexpr (std::is_invocable_v<const F&, D, D, D>)
    return check(std::make_index_sequence<3>());
  else if constexpr (std::is_invocable_v<const F&, D, D>)
    return check(std::make_index_sequence<2>());
  else
    return check(std::make_index_sequence<1>());
}

}  // namespace shunt
