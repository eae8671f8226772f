// sin, cos and pow for the arguments that vectors reach without branches, calls or tables; the answer is NaN for all
// others, whose loops then compute them again (elementwise.inl). As in elementary.hpp, errors stay within 2 units in
// the last place, and the polynomials are minimax fits.
#pragma once

#include "shunt/kernels/elementary.hpp"

namespace shunt::kernels::elementary {

/// x = k pi / 2 + r + rest with |r| <= pi / 4, the rest what r rounds away; k modulo 4 is in the last bits of
/// `quarter`.
template <class T>
struct Turned {
  Bits<T> quarter;
  T r, rest;
};
template <class T>
[[gnu::always_inline]] inline Turned<T> turn(T x) {
  constexpr double first = 0x1.921fb544p+0, second = 0x1.0b4611a6p-34, third = 0x1.3198a2e037073p-69;  // of pi / 2
  const double wide = x, shifted = wide * 0.63661977236758134308 + Layout<double>::rounder;
  const double k = shifted - Layout<double>::rounder, hi = wide - k * first;  // exact, as k second is
  const auto quarter = static_cast<Bits<T>>(std::bit_cast<std::uint64_t>(shifted));
  if constexpr (is_float<T>) {
    return {quarter, static_cast<float>(hi - k * (second + third)), 0};
  } else {
    const double sum = hi - k * second, lost = (hi - sum) - k * second - k * third, r = sum + lost;
    return {quarter, r, (sum - r) + lost};
  }
}
/// Whether pi / 2 has enough digits in `turn` for x that leaves r.
template <class T>
[[gnu::always_inline]] inline bool turns(T x, T r) {
  const bool far = std::fabs(x) >= T(0x1p20), lost = !is_float<T> && std::fabs(r) < T(0x1p-20) && std::fabs(x) > T(1);
  return !far & !lost & (x == x);
}
/// sin(x + shift pi / 2).
template <class T>
[[gnu::always_inline]] inline T sin_shifted(T x, Bits<T> shift) {
  constexpr int top = std::numeric_limits<Bits<T>>::digits - 1;
  const auto [k, r, rest] = turn(x);
  const T z = r * r;
  T sine, cosine;
  if constexpr (is_float<T>) {
    sine = r + r * z * polynomial<T>(z, -0.166666546f, 0.008332160295f, -0.000195152185f);      // 2^-28.0
    cosine = polynomial<T>(z, 1.0f, -0.5f, 0.04166664567f, -0.001388731562f, 2.443308253e-5f);  // 2^-33.0
  } else {
    const T p = polynomial<T>(z, -0.166666666666666307, 0.00833333333332210731, -0.000198412698295801817,
                              2.75573136180295195e-6, -2.50507472208162006e-8, 1.5896197816709609e-10);  // 2^-57.9
    const T q = polynomial<T>(z, 0.0416666666666665928, -0.00138888888888730404, 0.0000248015872888414231,
                              -2.75573141762464472e-7, 2.08757004168761636e-9, -1.13585139878923981e-11);  // 2^-64.0
    const T half = T(0.5) * z, most = T(1) - half;
    sine = r + (r * z * p + rest * most);
    cosine = most + (((T(1) - most) - half) + (z * z * q - r * rest));
  }
  const Bits<T> quarter = k + shift;
  const T y = blend(Bits<T>{0} - (quarter & 1), cosine, sine);
  const T turned = std::bit_cast<T>(std::bit_cast<Bits<T>>(y) ^ (quarter >> 1 << top));
  return select(turns(x, r), turned, std::numeric_limits<T>::quiet_NaN());
}
template <class T>
[[gnu::always_inline]] inline T sin_near(T x) {
  return select(x == T(0), x, sin_shifted(x, Bits<T>{0}));
}
template <class T>
[[gnu::always_inline]] inline T cos_near(T x) {
  return sin_shifted(x, Bits<T>{1});
}

/// x^y for normal positive x and a result well within float's range: exp(y log(x)) in double up to the last step.
[[gnu::always_inline]] inline float pow_near(float x, float y) {
  const auto [e, f] = split(static_cast<double>(x));
  // One Newton step takes a quotient in float to 2^-46, at half the price of one in double.
  const double d = 2 + f, guess = 1 / static_cast<float>(d), s = f * (guess * (2 - d * guess)), z = s * s;
  const double p = polynomial<double>(z, 0.666666656473, 0.400003348569, 0.285373249298, 0.235819176605);  // 2^-37.6
  const double exponent = static_cast<double>(y) * (e * 0x1.62e42fefa39efp-1 + (2 * s + s * z * p));
  const double shifted = exponent * 1.44269504088896340736 + Layout<double>::rounder;
  const double k = shifted - Layout<double>::rounder;
  const auto r = static_cast<float>(exponent - k * 0x1.62e42fefa39efp-1);
  const auto bits = static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(shifted));
  const float result = (1 + (r + r * r * exp_tail(r))) * power_of_two<float>(bits);
  using N = std::numeric_limits<float>;
  constexpr float least = N::min(), most = N::max();
  const double size = std::fabs(exponent);
  const bool near = static_cast<bool>((x >= least) & (x <= most) & (size < 87));
  return select(near, result, N::quiet_NaN());
}

}  // namespace shunt::kernels::elementary
