// Derivatives of functions: vector-Jacobian, Jacobian-vector and Hessian-vector products. None touches any grad().
#pragma once

#include <tuple>

#include "shunt/autograd/backward.hpp"

namespace shunt {
namespace detail {

/// x's values as a new leaf that wants a gradient.
template <Real T>
Tensor<T> fresh_leaf(const Tensor<T>& x) {
  return x.detach().requires_grad();
}

template <class T>
struct MakeDual {
  dual<T> operator()(T v, T e) const { return {v, e}; }
};
struct EpsOf {
  template <class T>
  auto operator()(const T& x) const {
    return x.eps;
  }
};

/// x + eps v
template <Real T>
Tensor<dual<T>> make_dual(const char* op, const Tensor<T>& x, const Tensor<T>& v) {
  if (x.shape() != v.shape())
    raise<ShapeError>(op, ": direction of shape ", v.shape(), " for an argument of ", x.shape());
  return map<dual<T>>(op, MakeDual<T>{}, x, v);
}
template <Real T>
Tensor<T> eps_of(const Tensor<dual<T>>& x) {
  return map<T>("eps", EpsOf{}, x);
}

}  // namespace detail

/// J^T g of f at `inputs`: a tuple with one gradient an input. f takes the inputs and gives one tensor of g's shape.
template <class F, Real... T, Real U>
std::tuple<Tensor<T>...> vjp(const F& f, const std::tuple<Tensor<T>...>& inputs, const Tensor<U>& g) {
  static_assert((std::same_as<T, U> && ...), "the inputs and the result are of one scalar type");
  const EnableGrad recording;
  return std::apply(
      [&](const auto&... x) {
        const std::vector<Tensor<U>> leaves{detail::fresh_leaf(x)...};
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
          const Tensor<U> y = f(leaves[I]...);
          if (!y.wants_grad()) return std::tuple<Tensor<T>...>{detail::map<T>("vjp", detail::Constant<T>{T(0)}, x)...};
          const auto grads = grad(y, leaves, g);
          return std::tuple<Tensor<T>...>{grads[I]...};
        }
        (std::index_sequence_for<T...>{});
      },
      inputs);
}

/// J v: the derivative of f at `inputs` along `directions`, by dual numbers (forward mode). f must accept
/// Tensor<dual<T>>, as a generic lambda does.
template <class F, Real... T>
auto jvp(const F& f, const std::tuple<Tensor<T>...>& inputs, const std::tuple<Tensor<T>...>& directions) {
  const NoGrad unrecorded;
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return detail::eps_of(f(detail::make_dual("jvp", std::get<I>(inputs), std::get<I>(directions))...));
  }
  (std::index_sequence_for<T...>{});
}

/// (d2f/dx2) v of a scalar-valued f, exact: reverse mode over dual numbers (Pearlmutter 1994).
template <class F, Real T>
Tensor<T> hvp(const F& f, const Tensor<T>& x, const Tensor<T>& v) {
  const EnableGrad recording;
  const auto at = detail::make_dual("hvp", x, v).requires_grad();
  const Tensor<dual<T>> y = f(at);
  return detail::eps_of(grad(y, {at})[0]);
}

}  // namespace shunt
