// exp, log and their kin for float and double, without branches, calls or tables, so that a loop over them becomes
// vectors at -O2. Every function is exact at 0, right for denormals, infinities and NaN, and within 2 units in the last
// place elsewhere; tests/kernels/math_test.cpp measures it. The polynomials are minimax fits (Remez exchange, 50
// digits) with the relative error of the result as weight; each says what the fit leaves.
#pragma once

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
  static constexpr float exp_low = -104, exp_high = 89;                   // exp is 0, or infinite, beyond
};
template <>
struct Layout<double> {
  using Bits = std::uint64_t;
  static constexpr int mantissa = 52;
  static constexpr Bits bias = 1023, sqrt_half = 0x3fe6a09e667f3bcd;
  static constexpr double rounder = 0x1.8p52;
  static constexpr double ln2_hi = 0x1.62e42feep-1, ln2_lo = 0x1.a39ef35793c76p-33;
  static constexpr double exp_low = -746, exp_high = 710;
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

/// c0 + c1 x + c2 x^2 + ...
template <class T>
[[gnu::always_inline]] inline T polynomial(T, T c0) {
  return c0;
}
template <class T, class... C>
[[gnu::always_inline]] inline T polynomial(T x, T c0, C... more) {
  return c0 + x * polynomial<T>(x, static_cast<T>(more)...);
}

/// 2^k for k as a two's complement number in the exponent's range.
template <class T>
[[gnu::always_inline]] inline T power_of_two(Bits<T> k) {
  return std::bit_cast<T>((k + Layout<T>::bias) << Layout<T>::mantissa);
}

/// p with exp(r) = 1 + r + r^2 p, for |r| <= ln 2 / 2.
template <class T>
[[gnu::always_inline]] inline T exp_tail(T r) {
  if constexpr (is_float<T>)  // 2^-31.9
    return polynomial<T>(r, 0.5000000046f, 0.1666666682f, 0.04166635446f, 0.008333272789f, 0.001394102612f,
                         0.0001991429358f);
  else  // 2^-61.7
    return polynomial<T>(r, 0.5, 0.166666666666666766, 0.0416666666666667014, 0.00833333333332160443,
                         0.00138888888888668183, 0.000198412698861912395, 0.0000248015873605906264,
                         2.75572441454923842e-6, 2.75572427326953421e-7, 2.51090587086659618e-8,
                         2.09244511492068753e-9);
}
/// x = k ln 2 + r with |r| <= ln 2 / 2; q = exp(r) - 1.
template <class T>
struct Reduced {
  Bits<T> k;
  T q;
};
template <class T>
[[gnu::always_inline]] inline Reduced<T> reduce(T x) {
  using L = Layout<T>;
  const T shifted = x * T(1.44269504088896340736) + L::rounder;
  const T k = shifted - L::rounder;
  const T hi = x - k * L::ln2_hi, lo = k * L::ln2_lo, r = hi - lo;
  return {std::bit_cast<Bits<T>>(shifted) - std::bit_cast<Bits<T>>(L::rounder), hi - (lo - r * r * exp_tail(r))};
}

/// exp for arguments below 89 (in double 710).
template <class T>
[[gnu::always_inline]] inline T exp_down(T x) {
  const auto [k, q] = reduce(select(x < Layout<T>::exp_low, Layout<T>::exp_low, x));
  const Bits<T> half = ((k + 2048) >> 1) - 1024;  // two steps of scaling: denormals are rounded once, 2^128 is reached
  return (T(1) + q) * power_of_two<T>(half) * power_of_two<T>(k - half);
}
template <class T>
[[gnu::always_inline]] inline T exp(T x) {
  return exp_down(select(x > Layout<T>::exp_high, Layout<T>::exp_high, x));
}
/// exp for arguments between -80 and 80.
template <class T>
[[gnu::always_inline]] inline T exp_near(T x) {
  const auto [k, q] = reduce(x);
  return (T(1) + q) * power_of_two<T>(k);
}
/// exp(x) - 1.
template <class T>
[[gnu::always_inline]] inline T expm1(T x) {
  using L = Layout<T>;
  const T below = select(x > L::exp_high, L::exp_high, x);
  const auto [k, q] = reduce(select(below < T(-60), T(-60), below));
  const T half = power_of_two<T>(k - 1);
  const T y = T(2) * (half * q + (half - T(0.5)));
  return select(x == T(0), x, y);
}

/// A normal x as (1 + f) 2^e with 1 + f between sqrt(1/2) and sqrt(2).
template <class T>
struct Split {
  T e, f;
};
template <class T>
[[gnu::always_inline]] inline Split<T> split(T x) {
  using L = Layout<T>;
  const Bits<T> one = L::bias << L::mantissa;
  const Bits<T> u = std::bit_cast<Bits<T>>(x) + (one - L::sqrt_half);
  constexpr T integer = T(Bits<T>{1} << L::mantissa);  // an integer in its low bits is a number above it
  return {std::bit_cast<T>((u >> L::mantissa) | std::bit_cast<Bits<T>>(integer)) - (integer + T(L::bias)),
          std::bit_cast<T>((u & ((Bits<T>{1} << L::mantissa) - 1)) + L::sqrt_half) - T(1)};
}
/// Natural logarithm, by the series of atanh in f / (2 + f).
template <class T>
[[gnu::always_inline]] inline T log(T x) {
  using L = Layout<T>;
  using N = std::numeric_limits<T>;
  constexpr T lift = T(Bits<T>{1} << (L::mantissa + 2));
  const bool denormal = x < N::min();
  const auto [biased, f] = split(select(denormal, x * lift, x));
  const T e = biased - select(denormal, T(L::mantissa + 2), T(0));
  const T s = f / (T(2) + f), z = s * s, half_square = T(0.5) * f * f;
  T p;
  if constexpr (is_float<T>)  // 2^-29.2
    p = polynomial<T>(z, 0.6666677651f, 0.3997752157f, 0.2987233069f);
  else  // 2^-58.4
    p = polynomial<T>(z, 0.666666666666673444, 0.399999999994142867, 0.285714287425237611, 0.222221985536256068,
                      0.181835656394165578, 0.153140095583020788, 0.147964301215161941);
  const T y = e * L::ln2_hi + (f - (half_square - (s * (half_square + z * p) + e * L::ln2_lo)));
  const T positive = select(x < N::infinity(), y, x);  // infinity and NaN as they are
  return select(x == T(0), -N::infinity(), select(x < T(0), N::quiet_NaN(), positive));
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
  if constexpr (is_float<T>)  // 2^-33.1
    p = polynomial<T>(z, 0.666666755f, 0.3999888833f, 0.2861659767f, 0.214307293f, 0.2428960648f);
  else  // 2^-64.6
    p = polynomial<T>(z, 0.666666666666666781, 0.399999999999940598, 0.28571428572497548, 0.22222222126407971,
                      0.181818231625047788, 0.153844530091846669, 0.133367874811355304, 0.117161505807168527,
                      0.109712165418066051, 0.069993929978366324, 0.164591753230671135);
  const T half_square = T(0.5) * x * x;
  return x - (half_square - s * (half_square + z * p));
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

/// 1 / (1 + exp(-x)), by exp(-|x|) so that neither end overflows.
template <class T>
[[gnu::always_inline]] inline T sigmoid(T x) {
  const T e = exp_down(-std::fabs(x)), y = T(1) / (T(1) + e);
  return select(x < T(0), e - e * (e * y), y);
}
template <class T>
[[gnu::always_inline]] inline T tanh(T x) {
  const T a = std::fabs(x), z = a * a;
  T p;
  if constexpr (is_float<T>)  // 2^-28.4 up to 0.6
    p = polynomial<T>(z, -0.3333329933f, 0.1333195943f, -0.05378675621f, 0.02080554663f, -0.005905979545f);
  else  // 2^-57.8
    p = polynomial<T>(z, -0.333333333333331342, 0.133333333333009037, -0.0539682539498750008, 0.0218694880159565685,
                      -0.008863226955388805, 0.00359203884126280451, -0.00145522304086378697, 0.00058721422918817502,
                      -0.00023045063135338216, 0.0000793772473170230641, -0.0000172108372080429049);
  const T small = a + a * z * p;
  const T large = T(1) - T(2) / (exp_near(T(2) * select(a > T(30), T(30), a)) + T(1));
  return std::copysign(select(a < T(0.6), small, large), x);
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
    const float a = std::fabs(x), t = a > 5.7f ? 5.7f : a;
    const float h = t * polynomial<T>(t, 1.151104326f, 0.4592211665f, 0.05243353766f, -0.006922396751f,
                                      -3.347686749e-5f, 0.0003036702273f, -8.611819316e-5f, 1.31560046e-5f,
                                      -1.118911156e-6f, 4.141924057e-8f);  // 2^-28.0
    const float shifted = Layout<T>::rounder - h, r = (shifted - Layout<T>::rounder + h) * -0.69314718056f;
    const Bits<T> k = std::bit_cast<Bits<T>>(shifted) - std::bit_cast<Bits<T>>(Layout<T>::rounder);
    const float tail = (1 + (r + r * r * exp_tail(r))) * power_of_two<T>(k - 1), end = a > 5.7f ? 0 : tail;
    return select(x < 0, end, 1 - end);
  } else {
    return T(0.5) * (T(1) + elementary::erf(x * T(0.70710678118654752440)));
  }
}

}  // namespace shunt::kernels::elementary
