// Scalar types: what a tensor may hold, and how Eigen and the kernels see it.
#pragma once

#include <Eigen/Core>
#include <bit>
#include <cmath>
#include <compare>
#include <concepts>
#include <cstdint>
#include <iosfwd>
#include <limits>
#include <type_traits>

namespace shunt {

/// A number type of the language.
template <class U>
concept Arithmetic = std::is_arithmetic_v<U>;

/// The upper half of a float: 8 bits of exponent, 7 of mantissa. For storage; sums are carried in float.
class bfloat16 {
 public:
  bfloat16() = default;
  bfloat16(float v) : bits_(round(std::bit_cast<std::uint32_t>(v))) {}
  template <Arithmetic U>
  explicit bfloat16(U v) : bfloat16(static_cast<float>(v)) {}
  operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits_) << 16); }

  bfloat16& operator+=(bfloat16 o) { return *this = static_cast<float>(*this) + static_cast<float>(o); }
  bfloat16& operator-=(bfloat16 o) { return *this = static_cast<float>(*this) - static_cast<float>(o); }
  bfloat16& operator*=(bfloat16 o) { return *this = static_cast<float>(*this) * static_cast<float>(o); }
  bfloat16& operator/=(bfloat16 o) { return *this = static_cast<float>(*this) / static_cast<float>(o); }

 private:
  /// To nearest, ties to even; a NaN stays a (quiet) NaN.
  static std::uint16_t round(std::uint32_t u) {
    if ((u & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((u >> 16) | 0x40u);
    return static_cast<std::uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  std::uint16_t bits_ = 0;
};

/// v + e*eps with eps^2 = 0: carries a directional derivative beside the value. Reverse mode over it is
/// forward-over-reverse, which is how Hessian-vector products come without second-order code (Pearlmutter 1994).
template <class T>
struct dual {
  T value{}, eps{};

  constexpr dual() = default;
  template <Arithmetic U>
  constexpr dual(U v) : value(static_cast<T>(v)) {}
  constexpr dual(T v, T e) : value(v), eps(e) {}
  template <Arithmetic U>
  constexpr explicit operator U() const {
    return static_cast<U>(value);
  }

  constexpr dual& operator+=(const dual& o) { return *this = *this + o; }
  constexpr dual& operator-=(const dual& o) { return *this = *this - o; }
  constexpr dual& operator*=(const dual& o) { return *this = *this * o; }
  constexpr dual& operator/=(const dual& o) { return *this = *this / o; }

  friend constexpr dual operator+(const dual& a, const dual& b) { return {a.value + b.value, a.eps + b.eps}; }
  friend constexpr dual operator-(const dual& a, const dual& b) { return {a.value - b.value, a.eps - b.eps}; }
  friend constexpr dual operator-(const dual& a) { return {-a.value, -a.eps}; }
  friend constexpr dual operator+(const dual& a) { return a; }
  friend constexpr dual operator*(const dual& a, const dual& b) {
    return {a.value * b.value, a.value * b.eps + a.eps * b.value};
  }
  friend constexpr dual operator/(const dual& a, const dual& b) {
    const T q = a.value / b.value;
    return {q, (a.eps - q * b.eps) / b.value};
  }
  // Order and equality are those of the values: a branch is taken as the primal program takes it.
  friend constexpr bool operator==(const dual& a, const dual& b) { return a.value == b.value; }
  friend constexpr auto operator<=>(const dual& a, const dual& b) { return a.value <=> b.value; }
};

namespace detail {
/// f(x) carried to first order, given f and f' at the value.
template <class T>
constexpr dual<T> lift(const dual<T>& x, T f, T derivative) {
  return {f, derivative * x.eps};
}
}  // namespace detail

template <class T>
dual<T> exp(const dual<T>& x) {
  using std::exp;
  const T y = exp(x.value);
  return detail::lift(x, y, y);
}
template <class T>
dual<T> log(const dual<T>& x) {
  using std::log;
  return detail::lift(x, T(log(x.value)), T(1) / x.value);
}
template <class T>
dual<T> log1p(const dual<T>& x) {
  using std::log1p;
  return detail::lift(x, T(log1p(x.value)), T(1) / (T(1) + x.value));
}
template <class T>
dual<T> expm1(const dual<T>& x) {
  using std::exp, std::expm1;
  return detail::lift(x, T(expm1(x.value)), T(exp(x.value)));
}
template <class T>
dual<T> sqrt(const dual<T>& x) {
  using std::sqrt;
  const T y = sqrt(x.value);
  return detail::lift(x, y, T(0.5) / y);
}
template <class T>
dual<T> sin(const dual<T>& x) {
  using std::cos, std::sin;
  return detail::lift(x, T(sin(x.value)), T(cos(x.value)));
}
template <class T>
dual<T> cos(const dual<T>& x) {
  using std::cos, std::sin;
  return detail::lift(x, T(cos(x.value)), T(-sin(x.value)));
}
template <class T>
dual<T> tanh(const dual<T>& x) {
  using std::tanh;
  const T y = tanh(x.value);
  return detail::lift(x, y, T(1) - y * y);
}
template <class T>
dual<T> erf(const dual<T>& x) {
  using std::erf, std::exp;
  return detail::lift(x, T(erf(x.value)), T(1.1283791670955126) * T(exp(-x.value * x.value)));
}
template <class T>
dual<T> abs(const dual<T>& x) {
  return x.value < T(0) ? -x : x;
}
template <class T>
dual<T> floor(const dual<T>& x) {
  using std::floor;
  return dual<T>(T(floor(x.value)), T(0));
}
template <class T>
dual<T> pow(const dual<T>& x, const dual<T>& p) {
  using std::log, std::pow;
  const T y = pow(x.value, p.value);
  T d = x.eps == T(0) || p.value == T(0) ? T(0) : p.value * T(pow(x.value, p.value - T(1))) * x.eps;
  if (p.eps != T(0) && x.value != T(0)) d += y * T(log(x.value)) * p.eps;
  return {y, d};
}
template <class T>
bool isnan(const dual<T>& x) {
  using std::isnan;
  return isnan(x.value);
}
template <class T>
bool isfinite(const dual<T>& x) {
  using std::isfinite;
  return isfinite(x.value) && isfinite(x.eps);
}

template <class T>
inline constexpr bool is_dual = false;
template <class T>
inline constexpr bool is_dual<dual<T>> = true;

/// Numbers with a fraction: the types that gradients may have.
template <class T>
concept Real = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, bfloat16> || is_dual<T>;

/// Whatever a tensor may hold.
template <class T>
concept Scalar = Real<T> || std::same_as<T, std::int64_t> || std::same_as<T, std::int32_t> ||
    std::same_as<T, std::uint8_t> || std::same_as<T, bool>;

namespace detail {
template <class T>
struct accumulator {
  using type = T;
};
template <>
struct accumulator<bfloat16> {
  using type = float;
};
template <>
struct accumulator<bool> {
  using type = std::int64_t;
};
}  // namespace detail

/// The type in which sums over T are carried: float for bfloat16, int64 for bool, T itself otherwise.
template <class T>
using accumulate_t = typename detail::accumulator<T>::type;

/// Names of the scalar types, as files and messages need them.
enum class DType : std::uint8_t { float32, float64, bfloat16, int64, int32, uint8, boolean, other };

template <class T>
inline constexpr DType dtype_of = DType::other;
template <>
inline constexpr DType dtype_of<float> = DType::float32;
template <>
inline constexpr DType dtype_of<double> = DType::float64;
template <>
inline constexpr DType dtype_of<bfloat16> = DType::bfloat16;
template <>
inline constexpr DType dtype_of<std::int64_t> = DType::int64;
template <>
inline constexpr DType dtype_of<std::int32_t> = DType::int32;
template <>
inline constexpr DType dtype_of<std::uint8_t> = DType::uint8;
template <>
inline constexpr DType dtype_of<bool> = DType::boolean;

inline const char* to_string(DType d) {
  constexpr const char* names[] = {"float32", "float64", "bfloat16", "int64", "int32", "uint8", "bool", "other"};
  return names[static_cast<int>(d)];
}

template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& os, DType d) {
  return os << to_string(d);
}

namespace detail {
/// A value of one scalar type as another: C++'s conversion, through float for bfloat16 and through the value for duals.
template <class To, class From>
constexpr To convert(const From& v) {
  if constexpr (std::same_as<To, From>) {
    return v;
  } else if constexpr (is_dual<From> && is_dual<To>) {
    return {convert<decltype(To{}.value)>(v.value), convert<decltype(To{}.value)>(v.eps)};
  } else if constexpr (is_dual<From>) {
    return convert<To>(v.value);
  } else if constexpr (std::same_as<From, bfloat16>) {
    return convert<To>(static_cast<float>(v));
  } else if constexpr (is_dual<To>) {
    return To(convert<decltype(To{}.value)>(v), {});
  } else {
    return static_cast<To>(v);
  }
}
}  // namespace detail
}  // namespace shunt

template <>
class std::numeric_limits<shunt::bfloat16> {
 public:
  static constexpr bool is_specialized = true, is_signed = true, is_integer = false, is_exact = false;
  static constexpr bool has_infinity = true, has_quiet_NaN = true;
  static constexpr int digits = 8, digits10 = 2;
  static shunt::bfloat16 infinity() { return std::numeric_limits<float>::infinity(); }
  static shunt::bfloat16 quiet_NaN() { return std::numeric_limits<float>::quiet_NaN(); }
  static shunt::bfloat16 max() { return 3.3895314e38f; }
  static shunt::bfloat16 lowest() { return -3.3895314e38f; }
  static shunt::bfloat16 min() { return std::numeric_limits<float>::min(); }
  static shunt::bfloat16 epsilon() { return 0.0078125f; }
};
template <class T>
class std::numeric_limits<shunt::dual<T>> : public std::numeric_limits<T> {
 public:
  static shunt::dual<T> infinity() { return std::numeric_limits<T>::infinity(); }
  static shunt::dual<T> quiet_NaN() { return std::numeric_limits<T>::quiet_NaN(); }
  static shunt::dual<T> max() { return std::numeric_limits<T>::max(); }
  static shunt::dual<T> lowest() { return std::numeric_limits<T>::lowest(); }
  static shunt::dual<T> epsilon() { return std::numeric_limits<T>::epsilon(); }
};

namespace Eigen {
template <>
struct NumTraits<shunt::bfloat16> : GenericNumTraits<shunt::bfloat16> {
  enum { RequireInitialization = 0 };
};
template <class T>
struct NumTraits<shunt::dual<T>> : NumTraits<T> {
  using Real = shunt::dual<T>;
  using NonInteger = shunt::dual<T>;
  using Nested = shunt::dual<T>;
  enum { IsComplex = 0, RequireInitialization = 1, ReadCost = 2, AddCost = 2, MulCost = 4 };
};
}  // namespace Eigen
