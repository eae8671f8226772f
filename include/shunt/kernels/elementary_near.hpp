// sin, cos and pow for the arguments that vectors reach without branches, calls or tables; the answer is NaN for all
// others, whose loops then compute them again (elementwise.inl). As in elementary.hpp, errors stay within 2 units in
// the last place, and the polynomials are minimax fits.
#pragma once

#include "shunt/kernels/elementary.hpp"

namespace shunt::kernels::elementary {

/// In double, x = k pi / 2 + r + rest with |r| <= pi / 4, the rest what r rounds away; k modulo 4 is in the last bits
/// of `quarter`.
struct Turned {
  std::uint64_t quarter;
  double r, rest;
};
[[gnu::always_inline]] inline Turned turn(double x) {
  constexpr double first = 0x1.921fb544p+0, second = 0x1.0b4611a6p-34, third = 0x1.3198a2e037073p-69;  // of pi / 2
  const double shifted = x * 0.63661977236758134308 + Layout<double>::rounder;
  const double k = shifted - Layout<double>::rounder, hi = x - k * first;  // exact, as k second is
  const double sum = hi - k * second, lost = (hi - sum) - k * second - k * third, r = sum + lost;
  return {std::bit_cast<std::uint64_t>(shifted), r, (sum - r) + lost};
}
/// sin(x + shift pi / 2); NaN where pi / 2 has too few digits in `turn`.
[[gnu::always_inline]] inline double sin_shifted(double x, std::uint64_t shift) {
  const auto [k, r, rest] = turn(x);
  const double z = r * r, half = 0.5 * z, most = 1 - half;
  const double p =
      polynomial<double>(z, -0.166666666666666307, 0.00833333333332210731, -0.000198412698295801817,
                         2.75573136180295195e-6, -2.50507472208162006e-8, 1.5896197816709609e-10);  // 2^-57.9
  const double q =
      polynomial<double>(z, 0.0416666666666665928, -0.00138888888888730404, 0.0000248015872888414231,
                         -2.75573141762464472e-7, 2.08757004168761636e-9, -1.13585139878923981e-11);  // 2^-64.0
  const double sine = r + (r * z * p + rest * most);
  const double cosine = most + (((1 - most) - half) + (z * z * q - r * rest));
  const std::uint64_t quarter = k + shift;
  const double y = blend(std::uint64_t{0} - (quarter & 1), cosine, sine);
  const double size = std::fabs(x), left = std::fabs(r);
  const bool lost = static_cast<bool>((left < 0x1p-20) & (size > 1));
  const double turned = std::bit_cast<double>(std::bit_cast<std::uint64_t>(y) ^ (quarter >> 1 << 63));
  return nan_where(!(size < 0x1p20) | lost, turned);
}

/// In float, x = k pi + r with |r| <= pi / 2, for integers k or, in a cosine, integers less 1/2. With fused
/// multiply-adds x - k pi is exact up to the second part of pi; without, double has the digits.
template <bool Fused, bool Cosine>
[[gnu::always_inline]] inline float sin_or_cos(float x) {
  constexpr float rounder = Layout<float>::rounder, half = Cosine ? 0.5f : 0.0f;
  const float turns = x * 0.31830988618f, shifted = (Cosine ? turns + half : turns) + rounder;
  const float k = (shifted - rounder) - half;
  using R = std::conditional_t<Fused, float, double>;
  R r;
  if constexpr (Fused) {
    r = __builtin_fmaf(-k, 0x1.921fb4p+1f, x);
    r = __builtin_fmaf(-k, 0x1.4442d0p-23f, r);
    r = __builtin_fmaf(-k, 0x1.84698ap-47f, r);
  } else {
    const double wide = k;
    r = (static_cast<double>(x) - wide * 0x1.921fb544p+1) - wide * 0x1.0b4611a626331p-33;
  }
  // The first term apart: rounding its sum with the others would show, as r^2 is up to 2.5; so would what r^2 loses.
  const R square = r * r;
  const auto z = static_cast<float>(square);
  float more = z * z * polynomial<float>(z, 0.008333065547f, -0.0001980932429f, 2.604802603e-6f);
  if constexpr (Fused) more += __builtin_fmaf(r, r, -square) * -0.1666665971f;
  const auto y = static_cast<float>(r + r * (square * R(-0.1666665971f) + static_cast<R>(more)));  // 2^-27.1
  const float turned =
      std::bit_cast<float>(std::bit_cast<Bits<float>>(y) ^ (std::bit_cast<Bits<float>>(shifted) << 31));
  return nan_where(!(std::fabs(x) < 0x1p17f), turned);
}

template <bool Fused, class T>
[[gnu::always_inline]] inline T sin_near(T x) {
  if constexpr (is_float<T>)
    return sin_or_cos<Fused, false>(x);
  else
    return select(x == T(0), x, sin_shifted(x, 0));
}
template <bool Fused, class T>
[[gnu::always_inline]] inline T cos_near(T x) {
  if constexpr (is_float<T>)
    return sin_or_cos<Fused, true>(x);
  else
    return sin_shifted(x, 1);
}

/// The leading 12 digits: products of two such are exact.
[[gnu::always_inline]] inline float leading(float x) {
  return std::bit_cast<float>(std::bit_cast<Bits<float>>(x) & 0xfffff000u);
}
/// x^y = 2^(y log2(x)) for normal positive x and a normal result. The logarithm and its product with y are sums of two
/// floats, the first of 12 digits.
[[gnu::always_inline]] inline float pow_near(float x, float y) {
  const auto [e, m] = split(x);
  // s = f / (2 + f), in two parts; log2(1 + f) = 2 / ln 2 (s + s^3 / 3 + ...).
  const float f = m - 1, d = m + 1, inverse = 1 / d, s = f * inverse, z = s * s;
  const float s_hi = leading(s), d_hi = leading(d), d_lo = f - (d_hi - 2), most = s_hi * 0x1.714p+1f;
  const float more =
      s * (z * polynomial<float>(z, 0.9617982507f, 0.5767564774f, 0.4309034646f)) + s_hi * 0x1.47652cp-11f;
  const float log_hi = leading(e + most);
  const float log_lo = ((most - (log_hi - e)) + more) + ((f - s_hi * d_hi) - s_hi * d_lo) * (inverse * 0x1.715476p+1f);
  const float y_hi = leading(y), y_lo = y - y_hi, hi = y_hi * log_hi, lo = y_lo * log_hi + y * log_lo;
  constexpr float rounder = Layout<float>::rounder + 2 * Layout<float>::bias;
  const float shifted = hi + rounder, r = (hi - (shifted - rounder)) + lo;
  const float q = r * polynomial<float>(r, 0.6931471825f, 0.2402265221f, 0.05550406501f, 0.009617901407f,
                                        0.001333573018f, 0.0001550115703f, 1.495731249e-05f);  // 2^-29.1, |r| <= 0.62
  const float scale = power_of_two<float>(std::bit_cast<Bits<float>>(shifted));
  using N = std::numeric_limits<float>;
  constexpr float least = N::min(), greatest = N::max();
  const float size = std::fabs(hi);
  const bool near = static_cast<bool>((x >= least) & (x <= greatest) & (size < 124));
  return nan_where(!near, scale + scale * q);
}

}  // namespace shunt::kernels::elementary
