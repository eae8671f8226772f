// exp, log and their kin for float and double, without branches, calls or tables, so that a loop over them becomes
// vectors at -O2. Every function is exact at 0, right for denormals, infinities and NaN, and within 2 units in the last
// place elsewhere; tests/kernels/math_test.cpp measures it. The polynomials are minimax fits (Remez exchange, 50
// digits) with the relative error of the result as weight; each says what the fit leaves.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace shunt::kernels::elementary {

/// How float and double are laid out, and the constants of the reduction to exp(r) 2^k.
template <class T>
struct Layout;
template <>
struct Layout<float> {
  using Bits = std::uint32_t;
  static constexpr int mantissa = 23;
  static constexpr Bits bias = 127, sqrt_half = 0x3f3504f3;
  static constexpr float rounder = 0x1.8p23f;  // x + rounder has the nearest integer in its low bits
  static constexpr float ln2_hi = 0x1.63p-1f, ln2_lo = -0x1.bd0106p-13f;  // ln2_hi k is exact
  static constexpr float exp_low = -104;                                  // exp is 0 below
};
template <>
struct Layout<double> {
  using Bits = std::uint64_t;
  static constexpr int mantissa = 52;
  static constexpr Bits bias = 1023, sqrt_half = 0x3fe6a09e667f3bcd;
  static constexpr double rounder = 0x1.8p52;
  static constexpr double ln2_hi = 0x1.62e42feep-1, ln2_lo = 0x1.a39ef35793c76p-33;
  static constexpr double exp_low = -746;
};
template <class T>
using Bits = typename Layout<T>::Bits;
template <class T>
inline constexpr bool is_float = std::is_same_v<T, float>;

/// a where the bits of `mask` are ones, b where they are zeros.
template <class T>
[[gnu::always_inline]] inline T blend(Bits<T> mask, T a, T b) {
  return std::bit_cast<T>((std::bit_cast<Bits<T>>(a) & mask) | (std::bit_cast<Bits<T>>(b) & ~mask));
}
/// c ? a : b without a branch: g++ splits a loop body at a choice between constants, and then makes no vectors.
template <class T>
[[gnu::always_inline]] inline T select(bool c, T a, T b) {
  return blend(Bits<T>{0} - static_cast<Bits<T>>(c), a, b);
}

/// 0, or NaN, where c, else x.
template <class T>
[[gnu::always_inline]] inline T zero_where(bool c, T x) {
  return std::bit_cast<T>(std::bit_cast<Bits<T>>(x) & (static_cast<Bits<T>>(c) - 1));
}
template <class T>
[[gnu::always_inline]] inline T nan_where(bool c, T x) {
  return std::bit_cast<T>(std::bit_cast<Bits<T>>(x) | (Bits<T>{0} - static_cast<Bits<T>>(c)));
}
/// The lesser of x and a positive limit. A NaN may become the limit: as signed integers, floats take one instruction.
template <class T>
[[gnu::always_inline]] inline T at_most(T x, T limit) {
  if constexpr (is_float<T>)
    return std::bit_cast<T>(std::min(std::bit_cast<std::int32_t>(x), std::bit_cast<std::int32_t>(limit)));
  else
    return select(x > limit, limit, x);
}

/// c0 + c1 x + c2 x^2 + ...
template <class T>
[[gnu::always_inline]] inline T polynomial(T, T c0) {
  return c0;
}
template <class T, class... C>
[[gnu::always_inline]] inline T polynomial(T x, T c0, C... more) {
  return c0 + x * polynomial<T>(x, static_cast<T>(more)...);
}

/// p with exp(r) = 1 + r + r^2 p, for |r| <= ln 2 / 2.
template <class T>
[[gnu::always_inline]] inline T exp_tail(T r) {
  if constexpr (is_float<T>)  // 2^-28.2
    return (0.4999999404f + 0.1666651666f * r) +
           r * r * ((0.04166810587f + 0.008369144052f * r) + r * r * 0.001383682713f);
  else  // 2^-61.7
    return polynomial<T>(r, 0.5, 0.166666666666666766, 0.0416666666666667014, 0.00833333333332160443,
                         0.00138888888888668183, 0.000198412698861912395, 0.0000248015873605906264,
                         2.75572441454923842e-6, 2.75572427326953421e-7, 2.51090587086659618e-8,
                         2.09244511492068753e-9);
}
/// x = k ln 2 + r with |r| <= ln 2 / 2, q = exp(r) - 1, and k + 2 bias in the low bits of `turns`. Beyond most ln 2, k
/// stays at `most` and q grows to infinity; a NaN comes through q.
template <class T>
struct Reduced {
  Bits<T> turns;
  T q;
};
template <class T>
[[gnu::always_inline]] inline Reduced<T> reduce(T x, int most = std::numeric_limits<T>::max_exponent) {
  using L = Layout<T>;
  constexpr T rounder = L::rounder + T(2 * L::bias);
  const T shifted = at_most(x * T(1.44269504088896340736) + rounder, rounder + static_cast<T>(most));
  const T k = shifted - rounder, hi = x - k * L::ln2_hi, r = hi - k * L::ln2_lo, curve = r * r * exp_tail(r);
  return {std::bit_cast<Bits<T>>(shifted), is_float<T> ? r + curve : hi - (k * L::ln2_lo - curve)};
}
/// 2^(k + more), from `turns`, where that is a normal number.
template <class T>
[[gnu::always_inline]] inline T power_of_two(Bits<T> turns, int more = 0) {
  using L = Layout<T>;
  return std::bit_cast<T>((turns << L::mantissa) - ((L::bias - static_cast<Bits<T>>(more)) << L::mantissa));
}
/// (1 + q) 2^k in two steps, so that denormals are rounded once and the largest power is reached.
template <class T>
[[gnu::always_inline]] inline T scale(const Reduced<T>& x) {
  using L = Layout<T>;
  const Bits<T> half = (x.turns << (L::mantissa - 1)) & ((2 * L::bias + 1) << L::mantissa);
  const T most = std::bit_cast<T>(half);
  return (most + most * x.q) * std::bit_cast<T>((x.turns << L::mantissa) - half);
}

template <class T>
[[gnu::always_inline]] inline T exp(T x) {
  return zero_where(x < Layout<T>::exp_low, scale(reduce(x)));
}
/// exp(x) - 1.
template <class T>
[[gnu::always_inline]] inline T expm1(T x) {
  const auto [turns, q] = reduce(select(x < T(-60), T(-60), x));
  const T half = power_of_two<T>(turns, -1);
  const T y = T(2) * (half * q + (half - T(0.5)));
  return select(x == T(0), x, y);
}

/// A normal x as m 2^e with m between sqrt(1/2) and sqrt(2).
template <class T>
struct Split {
  T e, m;
};
template <class T>
[[gnu::always_inline]] inline Split<T> split(T x, Bits<T> lifted = 0) {  // of x / 2^n for n in the exponent's place
  using L = Layout<T>;
  const Bits<T> u = std::bit_cast<Bits<T>>(x) - L::sqrt_half - lifted;
  const T m = std::bit_cast<T>((u & ((Bits<T>{1} << L::mantissa) - 1)) + L::sqrt_half);
  if constexpr (is_float<T>) {
    return {static_cast<T>(static_cast<std::int32_t>(u) >> L::mantissa), m};
  } else {  // no AVX2 for integers of 64 bits to double, but one in the low bits of 2^52 is a number above it
    const Bits<T> positive = (u + (Bits<T>{2048} << L::mantissa)) >> L::mantissa;
    return {std::bit_cast<T>(positive | std::bit_cast<Bits<T>>(0x1p52)) - (0x1p52 + 2048), m};
  }
}
/// Natural logarithm, by the series of atanh in f / (2 + f).
template <class T>
[[gnu::always_inline]] inline T log(T x) {
  using L = Layout<T>;
  using N = std::numeric_limits<T>;
  const Bits<T> denormal = Bits<T>{0} - static_cast<Bits<T>>(x < N::min());
  const Bits<T> lifted = denormal & (Bits<T>{L::mantissa + 2} << L::mantissa);
  const auto [e, m] = split(x * std::bit_cast<T>(lifted + (L::bias << L::mantissa)), lifted);
  const T f = m - T(1), s = f / (m + T(1)), z = s * s;
  T p;
  if constexpr (is_float<T>)  // 2^-30.2
    p = polynomial<T>(z, 0.6666677594f, 0.3997758329f, 0.2987082899f);
  else  // 2^-58.4
    p = polynomial<T>(z, 0.666666666666673444, 0.399999999994142867, 0.285714287425237611, 0.222221985536256068,
                      0.181835656394165578, 0.153140095583020788, 0.147964301215161941);
  const T finite = select(x < N::infinity(), e, x);  // infinity and NaN as they are
  const T limit = nan_where(x < T(0), select(x == T(0), -N::infinity(), finite));
  return limit * L::ln2_hi + (f - (s * (f - z * p) - e * L::ln2_lo));
}
/// log(1 + x): what 1 + x rounds away comes back as a first-order term.
template <class T>
[[gnu::always_inline]] inline T log1p(T x) {
  const T u = T(1) + x, lost = (x - (u - T(1))) / u, y = elementary::log(u);
  const T corrected = select(lost == lost, y + lost, y);  // a NaN where u is 0 or infinite
  return select(x == T(0), x, corrected);
}

/// log(1 + x) for x between 0 and 1.
template <class T>
[[gnu::always_inline]] inline T log1p_of_part(T x) {
  const T s = x / (T(2) + x), z = s * s;
  T p;
  if constexpr (is_float<T>)  // 2^-27.7
    p = polynomial<T>(z, 0.6666641831f, 0.4002144039f, 0.2800293863f, 0.2800736427f);
  else  // 2^-64.6
    p = polynomial<T>(z, 0.666666666666666781, 0.399999999999940598, 0.28571428572497548, 0.22222222126407971,
                      0.181818231625047788, 0.153844530091846669, 0.133367874811355304, 0.117161505807168527,
                      0.109712165418066051, 0.069993929978366324, 0.164591753230671135);
  return x - s * (x - z * p);
}
/// log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)).
template <class T>
[[gnu::always_inline]] inline T softplus(T x) {
  return zero_where(x < T(0), x) + log1p_of_part(scale(reduce(-at_most(std::fabs(x), -Layout<T>::exp_low))));
}

/// Square root, correctly rounded. std::sqrt keeps errno, which costs a call for negative numbers and a branch for all.
template <class T>
[[gnu::always_inline]] inline T sqrt(T x) {
#if defined(__SSE2__)
  if constexpr (is_float<T>)
    return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
  else
    return _mm_cvtsd_f64(_mm_sqrt_sd(_mm_setzero_pd(), _mm_set_sd(x)));
#else
  return std::sqrt(x);
#endif
}

/// 1 / (1 + exp(-x)), above and below times 2^-64 so that neither end of exp is met before that of the result; 1 from
/// x = 40 on.
template <class T>
[[gnu::always_inline]] inline T sigmoid(T x) {
  using N = std::numeric_limits<T>;
  const auto [turns, q] = reduce(-at_most(x, T(40)), N::max_exponent + N::digits);
  const T scale = power_of_two<T>(turns, -64);
  return nan_where(x != x, T(0x1p-64) / ((T(0x1p-64) + scale * q) + scale));
}
/// (1 - exp(-2 |x|)) / (1 + exp(-2 |x|)); 1 from |x| = 20 on.
template <class T>
[[gnu::always_inline]] inline T tanh(T x) {
  const auto [turns, q] = reduce(T(-2) * at_most(std::fabs(x), T(20)));
  const T scale = power_of_two<T>(turns), y = ((T(1) - scale) - scale * q) / ((T(1) + scale) + scale * q);
  return nan_where(x != x, std::copysign(y, x));
}
/// exp for arguments between -80 and 80.
template <class T>
[[gnu::always_inline]] inline T exp_near(T x) {
  const auto [turns, q] = reduce(x);
  return (T(1) + q) * power_of_two<T>(turns);
}
/// The error function: an odd polynomial up to 1, 1 - exp(polynomial) above.
template <class T>
[[gnu::always_inline]] inline T erf(T x) {
  const T a = std::fabs(x), z = a * a;
  constexpr T end = is_float<T> ? T(4) : T(6);  // erf is 1 beyond
  const T t = select(a > end, end, a) - T(1);
  T p, g;
  if constexpr (is_float<T>) {
    p = polynomial<T>(z, 0.1283791657f, -0.3761262584f, 0.1128358525f, -0.02685381458f, 0.005188330483f,
                      -0.0008010202699f, 7.853849828e-5f);  // 2^-29.6
    g = polynomial<T>(t, 1.849605515f, 2.6389669f, 0.8431174445f, 0.04150402781f, -0.009896237464f, 0.001829895062f,
                      -0.0001865014167f);  // 2^-29.8
  } else {
    p = polynomial<T>(z, 0.128379167095512566, -0.3761263890318352, 0.112837916709442003, -0.0268661706431134137,
                      0.00522397760613084217, -0.00085483259297662443, 0.0001205529358693695, -0.0000149247124395348141,
                      1.6447132699786621e-6, -1.6206318752969209e-7, 1.37109887041905231e-8,
                      -7.77946297176159689e-10);  // 2^-56.9
    g = polynomial<T>(t, 1.84960550993324825, 2.63896751423478891, 0.843107256358646955, 0.0415610980423848466,
                      -0.0100338253803493819, 0.00197790260500408363, -0.000237322633071346028,
                      -0.0000262774481891410885, 0.000027158255156508326, -9.60764462089541193e-6,
                      2.0584094562757283e-6, -1.41772112861473891e-7, -9.82142996926242164e-8, 5.23367407658356969e-8,
                      -1.5009088408278327e-8, 2.8865853744565582e-9, -3.71727119688935003e-10, 2.91368685401085893e-11,
                      -1.05250692898417837e-12);  // 2^-59.4
  }
  const T small = a + a * p, large = T(1) - exp_near(-g);
  return std::copysign(select(a < T(1), small, large), x);
}

/// The normal distribution's cumulative function: (1 + erf(x / sqrt(2))) / 2, in float by 2^-polynomial = erfc(|x|
/// / sqrt(2)), which keeps digits where erf comes near -1; as in erf, the end is at |x| = 5.7.
template <class T>
[[gnu::always_inline]] inline T normal_cdf(T x) {
  if constexpr (is_float<T>) {
    const float a = std::fabs(x), t = at_most(a, 5.7f);
    const float h = t * polynomial<T>(t, 1.151104326f, 0.4592211665f, 0.05243353766f, -0.006922396751f,
                                      -3.347686749e-5f, 0.0003036702273f, -8.611819316e-5f, 1.31560046e-5f,
                                      -1.118911156e-6f, 4.141924057e-8f);  // 2^-28.0
    constexpr float rounder = Layout<T>::rounder + 2 * Layout<T>::bias;
    const float shifted = rounder - h, r = (shifted - rounder + h) * -0.69314718056f;
    const float half = power_of_two<T>(std::bit_cast<Bits<T>>(shifted), -1),
                tail = half + half * (r + r * r * exp_tail(r));
    const float end = zero_where(a > 5.7f, tail);
    return nan_where(x != x, select(x < 0, end, 1 - end));
  } else {
    return T(0.5) * (T(1) + elementary::erf(x * T(0.70710678118654752440)));
  }
}

}  // namespace shunt::kernels::elementary
