// The elementary functions against those of the C library one precision up, for every instruction set.
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "shunt/kernels/elementwise.hpp"
#include "shunt/kernels/math.hpp"
#include "shunt/ops/elementary.hpp"
#include "support/catch.hpp"
#include "support/isa.hpp"

using namespace shunt;

namespace {

/// The distance of `got` from the true value, in units of the true value's last place.
template <class T>
double ulps(T got, long double wanted) {
  const T nearest = static_cast<T>(wanted);
  if (std::isnan(nearest)) return std::isnan(got) ? 0 : 1e9;
  if (nearest == got) return 0;
  if (std::isnan(got) || std::isinf(got) || std::isinf(nearest)) return 1e9;
  using L = std::numeric_limits<T>;
  const int e = wanted == 0 ? L::min_exponent - 1 : std::max(std::ilogb(wanted), L::min_exponent - 1);
  return static_cast<double>(std::fabs(static_cast<long double>(got) - wanted) / std::ldexp(1.0L, e - (L::digits - 1)));
}

/// Numbers of all exponents and signs, many where the functions live, and those that need care.
template <class T>
std::vector<T> numbers() {
  using L = std::numeric_limits<T>;
  std::vector<T> out{T(0),           -T(0),        T(1),          T(-1),           L::infinity(),    -L::infinity(),
                     L::quiet_NaN(), L::min(),     -L::min(),     L::denorm_min(), -L::denorm_min(), L::max(),
                     L::lowest(),    L::epsilon(), -L::epsilon(), T(0.6)};
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  const Bits step = static_cast<Bits>(0x9e3779b97f4a7c15u >> (64 - 8 * sizeof(T))) | 1;
  Bits at = 1;
  for (int i = 0; i < 100'000; ++i, at += step) {
    const T x = std::bit_cast<T>(at);
    out.push_back(x == x ? x : L::quiet_NaN());  // C leaves open what a signalling one to the power 0 is
  }
  for (int i = 1; i < 20'000; ++i)
    out.push_back(static_cast<T>(i * 1.57079632679489661923));  // where sin or cos is small
  for (const double reach : {0.01, 1.0, 10.0, 110.0, 760.0, 1.5e6})
    for (int i = 0; i < 20'000; ++i)
      out.push_back(static_cast<T>(reach * (static_cast<double>(i) * 1e-4 - 1 + 1e-5 / 3)));
  return out;
}

/// The worst error of f over the numbers, run through the elementwise loops.
template <class T, class F, class G>
void check(const char* name, const F& f, const G& wanted) {
  const auto x = numbers<T>();
  std::vector<T> y(x.size());
  for (Isa isa : kernels::isas()) {
    const kernels::Setting setting(isa, num_threads());
    kernels::map(f, kernels::flat_nest(static_cast<std::int64_t>(x.size()), 2), y.data(), x.data());
    double worst = 0;
    T at = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (const double e = ulps(y[i], wanted(static_cast<long double>(x[i]))); e > worst) worst = e, at = x[i];
    INFO(name << " of " << at << " is " << worst << " units away, with " << isa);
    CHECK(worst <= 2);
  }
}

struct Exp {
  template <class T>
  T operator()(T x) const {
    return kernels::math::exp(x);
  }
};
struct Expm1 {
  template <class T>
  T operator()(T x) const {
    return kernels::math::expm1(x);
  }
};
struct Log {
  template <class T>
  T operator()(T x) const {
    return kernels::math::log(x);
  }
};
struct Log1p {
  template <class T>
  T operator()(T x) const {
    return kernels::math::log1p(x);
  }
};
struct Tanh {
  template <class T>
  T operator()(T x) const {
    return kernels::math::tanh(x);
  }
};
struct Erf {
  template <class T>
  T operator()(T x) const {
    return kernels::math::erf(x);
  }
};
struct Sigmoid {
  template <class T>
  T operator()(T x) const {
    return kernels::math::sigmoid(x);
  }
};
struct NormalCdf {
  template <class T>
  T operator()(T x) const {
    return kernels::math::normal_cdf(x);
  }
};
struct Softplus {
  template <class T>
  T operator()(T x) const {
    return kernels::math::softplus(x);
  }
};
struct Sin {
  template <class T, class M = kernels::math::Everywhere>
  T operator()(T x, const M& m = {}) const {
    return m.sin(x);
  }
};
struct Cos {
  template <class T, class M = kernels::math::Everywhere>
  T operator()(T x, const M& m = {}) const {
    return m.cos(x);
  }
};
template <class T>
struct Pow {
  T y;
  template <class M = kernels::math::Everywhere>
  T operator()(T x, const M& m = {}) const {
    return m.pow(x, y);
  }
};
struct Sqrt {
  template <class T>
  T operator()(T x) const {
    return kernels::math::sqrt(x);
  }
};

}  // namespace

TEMPLATE_TEST_CASE("elementary functions: within 2 units in the last place, over all exponents", "[kernels][math]",
                   float, double) {
  check<TestType>("exp", Exp{}, [](long double x) { return std::exp(x); });
  check<TestType>("expm1", Expm1{}, [](long double x) { return std::expm1(x); });
  check<TestType>("log", Log{}, [](long double x) { return std::log(x); });
  check<TestType>("log1p", Log1p{}, [](long double x) { return std::log1p(x); });
  check<TestType>("tanh", Tanh{}, [](long double x) { return std::tanh(x); });
  check<TestType>("erf", Erf{}, [](long double x) { return std::erf(x); });
  check<TestType>("sigmoid", Sigmoid{}, [](long double x) {
    const long double e = std::exp(-std::fabs(x));
    return (x < 0 ? e : 1) / (1 + e);
  });
  check<TestType>("softplus", Softplus{},
                  [](long double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); });
  check<TestType>("sin", Sin{}, [](long double x) { return std::sin(x); });
  check<TestType>("cos", Cos{}, [](long double x) { return std::cos(x); });
  for (const double y : {0.0, 1.0, 2.5, -0.5, -3.0, 0.1, 40.0, -1000.0, std::numeric_limits<double>::infinity()})
    check<TestType>("pow", Pow<TestType>{TestType(y)},
                    [=](long double x) { return std::pow(x, static_cast<long double>(TestType(y))); });
}

TEMPLATE_TEST_CASE("normal distribution: within an epsilon, in float also relative to a small end", "[kernels][math]",
                   float, double) {
  using T = TestType;
  const auto x = numbers<T>();
  std::vector<T> y(x.size());
  for (Isa isa : kernels::isas()) {
    const kernels::Setting setting(isa, num_threads());
    kernels::map(NormalCdf{}, kernels::flat_nest(static_cast<std::int64_t>(x.size()), 2), y.data(), x.data());
    double worst = 0, worst_small = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const long double wanted = std::erfc(-static_cast<long double>(x[i]) / std::sqrt(2.0L)) / 2;
      if (std::isnan(x[i])) {
        CHECK(std::isnan(y[i]));
        continue;
      }
      const auto error = static_cast<double>(std::fabs(y[i] - wanted));
      worst = std::max(worst, error);
      if (x[i] > -4) worst_small = std::max(worst_small, error / static_cast<double>(wanted));
    }
    CHECK(worst <= std::numeric_limits<T>::epsilon());
    if (sizeof(T) == sizeof(float)) CHECK(worst_small <= 1e-5);
  }
}

TEMPLATE_TEST_CASE("square root: rounded as the hardware does, one by one and by blocks, also in place",
                   "[kernels][math]", float, double) {
  using T = TestType;
  static_assert(kernels::TakesRoot<shunt::detail::Sqrt, T, T> && kernels::TakesRoot<shunt::detail::Rsqrt, T, T> &&
                !kernels::TakesRoot<Sqrt, T, T>);
  const auto x = numbers<T>();
  const auto differences = [&](const auto& f, bool in_place, std::size_t n, bool reciprocal) {
    std::vector<T> y(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(n));
    kernels::map(f, kernels::flat_nest(static_cast<std::int64_t>(n), 2), y.data(), in_place ? y.data() : x.data());
    std::size_t different = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const T wanted = reciprocal ? 1 / std::sqrt(x[i]) : std::sqrt(x[i]);
      different += !(y[i] == wanted || (std::isnan(y[i]) && std::isnan(wanted)));
    }
    return different;
  };
  for (Isa isa : kernels::isas()) {
    const kernels::Setting setting(isa, num_threads());
    for (const std::size_t n : {x.size(), std::size_t{1}, std::size_t{31}, std::size_t{33}}) {
      CHECK(differences(Sqrt{}, false, n, false) == 0);
      for (const bool in_place : {false, true}) {
        CHECK(differences(shunt::detail::Sqrt{}, in_place, n, false) == 0);
        CHECK(differences(shunt::detail::Rsqrt{}, in_place, n, true) == 0);
      }
    }
  }
}

TEMPLATE_TEST_CASE("sin, cos, pow: any length, in place and apart; what vectors do not reach is computed by itself",
                   "[kernels][math]", float, double) {
  using T = TestType;
  constexpr std::size_t n = 2 * 1024 + 37;  // more than the loop looks through at once, and a part of a block
  std::vector<T> x(n, T(0.5));
  x[0] = -T(0), x[33] = T(1e30), x[1024] = std::numeric_limits<T>::infinity(), x[n - 1] = -T(3e6);
  const auto same = [&](const auto& f, const auto& wanted, bool in_place, std::size_t count) {
    std::vector<T> y(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(count));
    kernels::map(f, kernels::flat_nest(static_cast<std::int64_t>(count), 2), y.data(), in_place ? y.data() : x.data());
    for (std::size_t i = 0; i < count; ++i) {
      const T w = wanted(x[i]);
      if (std::isnan(w) ? !std::isnan(y[i]) : ulps(y[i], w) > 3 || std::signbit(y[i]) != std::signbit(w)) return false;
    }
    return true;
  };
  const auto sine = [](T v) { return std::sin(v); };
  const auto cosine = [](T v) { return std::cos(v); };
  const auto cube = [](T v) { return std::pow(v, T(3)); };
  for (Isa isa : kernels::isas()) {
    const kernels::Setting setting(isa, 1);
    for (const bool in_place : {false, true})
      for (const std::size_t count : {std::size_t{1}, std::size_t{64}, n}) {
        CHECK(same(Sin{}, sine, in_place, count));
        CHECK(same(Cos{}, cosine, in_place, count));
        CHECK(same(Pow<T>{T(3)}, cube, in_place, count));
      }
  }
}

TEMPLATE_TEST_CASE("elementary functions: signs of zero and limits are exact", "[kernels][math]", float, double) {
  using T = TestType;
  const T inf = std::numeric_limits<T>::infinity();
  namespace math = kernels::math;
  for (const T y : {math::expm1(-T(0)), math::log1p(-T(0)), math::tanh(-T(0)), math::erf(-T(0))}) {
    CHECK(y == 0);
    CHECK(std::signbit(y));
  }
  CHECK(math::exp(-inf) == 0);
  CHECK(math::exp(inf) == inf);
  CHECK(math::log(T(0)) == -inf);
  CHECK(math::log(-T(0)) == -inf);
  CHECK(math::log(T(1)) == 0);
  CHECK(std::isnan(math::log(T(-1))));
  CHECK(math::log1p(T(-1)) == -inf);
  CHECK(math::log1p(inf) == inf);
  CHECK(math::expm1(-inf) == -1);
  CHECK(math::tanh(inf) == 1);
  CHECK(math::erf(-inf) == -1);
  CHECK(math::sigmoid(-inf) == 0);
  CHECK(math::sigmoid(T(0)) == T(0.5));
}
