// Powers of a tensor to a number, a number to a tensor, and a tensor to a tensor.
#pragma once

#include "shunt/ops/arithmetic.hpp"

namespace shunt {
namespace detail {

struct Square {
  template <class T>
  T operator()(T x) const {
    return static_cast<T>(x * x);
  }
};
struct SquareGrad {
  template <class T>
  T operator()(T g, T x) const {
    return static_cast<T>(T(2) * x * g);
  }
};
/// x^y of integers, wrapping as products do; y is not negative.
template <std::integral T>
T integer_power(T x, T y) {
  std::uint64_t result = 1, factor = static_cast<std::uint64_t>(x);
  for (auto left = static_cast<std::uint64_t>(y); left != 0; left >>= 1, factor *= factor)
    if (left & 1) result *= factor;
  return static_cast<T>(result);
}
struct Power {
  template <class T, class M = kernels::math::Everywhere>
  T operator()(T x, T y, const M& m = {}) const {
    if constexpr (std::integral<T>)
      return integer_power(x, y);
    else
      return m.pow(x, y);
  }
};
/// g y x^(y - 1), 0 where y is 0.
struct PowerGrad {
  template <class T, class M = kernels::math::Everywhere>
  T operator()(T g, T x, T y, const M& m = {}) const {
    return kernels::math::select(y == T(0), T(0), static_cast<T>(g * y * Power{}(x, static_cast<T>(y - T(1)), m)));
  }
};
/// g x^y log(x), 0 where x is 0 and y is not negative.
struct ExponentGrad {
  template <class T, class M = kernels::math::Everywhere>
  T operator()(T g, T x, T y, const M& m = {}) const {
    if constexpr (std::integral<T>) {
      return T(0);
    } else {
      const bool zero = x == T(0), rising = y >= T(0);
      return kernels::math::select(static_cast<bool>(zero & rising), T(0), T(g * m.pow(x, y) * kernels::math::log(x)));
    }
  }
};
template <class T>
struct PowerNumber {
  T p;
  template <class M = kernels::math::Everywhere>
  T operator()(T x, const M& m = {}) const {
    return Power{}(x, p, m);
  }
};
template <class T>
struct PowerNumberGrad {
  T p;
  template <class M = kernels::math::Everywhere>
  T operator()(T g, T x, const M& m = {}) const {
    return PowerGrad{}(g, x, p, m);
  }
};
template <class T>
struct NumberPower {
  T base;
  template <class M = kernels::math::Everywhere>
  T operator()(T y, const M& m = {}) const {
    return Power{}(base, y, m);
  }
};
template <class T>
struct NumberPowerGrad {
  T base;
  template <class M = kernels::math::Everywhere>
  T operator()(T g, T y, const M& m = {}) const {
    return ExponentGrad{}(g, base, y, m);
  }
};

template <Scalar T>
void refuse_negative_exponent(const Tensor<T>& y) {
  if constexpr (std::signed_integral<T>) {
    const auto d = dense(y);
    for (std::int64_t i = 0; i < d.numel(); ++i)
      if (d.data()[i] < 0)
        raise<ValueError>("pow: integers to the negative power ", d.data()[i], "; convert them to a real type");
  }
}

}  // namespace detail

/// x to the power p. Integers take no negative p (ValueError).
template <Scalar T, detail::Number U>
Tensor<T> pow(const Tensor<T>& x, U p) {
  using C = detail::Operand<T>;
  if constexpr (std::integral<T>)
    if (static_cast<double>(p) < 0)
      detail::raise<ValueError>("pow: integers to the negative power ", p, "; convert them to a real type");
  if (p == U(2)) return detail::unary_of_input("pow", detail::Square{}, detail::SquareGrad{}, x);
  const C c = detail::operand<T>(p);
  return detail::unary_of_input("pow", detail::PowerNumber<C>{c}, detail::PowerNumberGrad<C>{c}, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::pow(double exponent) const {
  return shunt::pow(*this, exponent);
}
/// x to the power y, elementwise.
template <Scalar T>
Tensor<T> pow(const Tensor<T>& x, const Tensor<T>& y) {
  detail::refuse_negative_exponent(y);
  return record("pow", detail::map<T>("pow", detail::Power{}, x, y), {x, y},
                [x = save(x), y = save(y)](const Tensor<T>& g, Slots<T>& into) {
                  const auto base = x.get("pow"), exponent = y.get("pow");
                  into.map(0, detail::PowerGrad{}, g, base, exponent);
                  into.map_last(1, detail::ExponentGrad{}, g, base, exponent);
                });
}
template <Scalar T>
Tensor<T> Tensor<T>::pow(const Tensor& exponent) const {
  return shunt::pow(*this, exponent);
}
/// A number to the power y, elementwise.
template <Scalar T, detail::Number U>
Tensor<T> pow(U base, const Tensor<T>& y) {
  using C = detail::Operand<T>;
  detail::refuse_negative_exponent(y);
  const C c = detail::operand<T>(base);
  return detail::unary_of_input("pow", detail::NumberPower<C>{c}, detail::NumberPowerGrad<C>{c}, y);
}

}  // namespace shunt
