// The convolution kernels against their definition.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "shunt/kernels/conv.hpp"
#include "support/catch.hpp"
#include "support/isa.hpp"

namespace convolution {

using Size = std::int64_t;
using shunt::kernels::ConvShape;

constexpr double few_roundings = 8;

inline double plain(float x) { return static_cast<double>(x); }
inline double plain(double x) { return x; }
inline double plain(shunt::bfloat16 x) { return static_cast<double>(static_cast<float>(x)); }
inline double plain(const shunt::dual<float>& x) { return static_cast<double>(x.value); }

/// x, w, bias, dy and the three results of one convolution. Buffers end where their last value does, so that
/// AddressSanitizer sees what is read or written beyond.
template <class T>
struct Case {
  ConvShape s;
  std::vector<T> x, w, bias, dy, y, dx, dw;
  explicit Case(const ConvShape& shape)
      : s(shape),
        x(values(s.n * s.c * s.h * s.w, 1)),
        w(values(s.k * (s.c / s.groups) * s.kh * s.kw, 2)),
        bias(values(s.k, 3)),
        dy(values(s.n * s.k * s.oh * s.ow, 4)),
        y(values(s.n * s.k * s.oh * s.ow, 5)),
        dx(values(s.n * s.c * s.h * s.w, 6)),
        dw(values(s.k * (s.c / s.groups) * s.kh * s.kw, 7)) {}
  void run(bool with_bias, bool accumulate) {
    using namespace shunt::kernels;
    conv_forward<T>(s, x.data(), w.data(), with_bias ? bias.data() : nullptr, y.data(), accumulate);
    conv_backward_data<T>(s, dy.data(), w.data(), dx.data(), accumulate);
    conv_backward_weights<T>(s, x.data(), dy.data(), dw.data(), accumulate);
  }
  static std::vector<T> values(Size n, unsigned seed) { return shunt::kernels::random_vector<T>(n, seed); }
};

/// A sum in double, and the sum of its terms' sizes.
struct Sum {
  double value, size;
  void add(double v) {
    value += v;
    size += std::abs(v);
  }
};

/// The three results by the definition, in double: seven loops, no special case. Sizes start at `least`.
template <class T>
struct Sums {
  std::vector<Sum> y, dx, dw;

  Sums(const Case<T>& from, bool with_bias, bool accumulate, double least = 1) {
    const auto start = [&](std::vector<Sum>& sums, const std::vector<T>& before) {
      for (const T& v : before) sums.push_back({accumulate ? plain(v) : 0.0, least});
    };
    start(y, from.y), start(dx, from.dx), start(dw, from.dw);
    const ConvShape& s = from.s;
    const Size c_group = s.c / s.groups, k_group = s.k / s.groups;
    for (Size n = 0; n < s.n; ++n) {
      for (Size k = 0; k < s.k; ++k) {
        for (Size oy = 0; oy < s.oh; ++oy) {
          for (Size ox = 0; ox < s.ow; ++ox) {
            const auto at_y = static_cast<std::size_t>(((n * s.k + k) * s.oh + oy) * s.ow + ox);
            if (with_bias) y[at_y].add(plain(from.bias[static_cast<std::size_t>(k)]));
            for (Size c = 0; c < c_group; ++c) {
              for (Size r = 0; r < s.kh; ++r) {
                for (Size q = 0; q < s.kw; ++q) {
                  const Size iy = oy * s.sh - s.ph + r * s.dh, ix = ox * s.sw - s.pw + q * s.dw;
                  if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w) continue;
                  const Size channel = k / k_group * c_group + c;
                  const auto at_x = static_cast<std::size_t>(((n * s.c + channel) * s.h + iy) * s.w + ix);
                  const auto at_w = static_cast<std::size_t>(((k * c_group + c) * s.kh + r) * s.kw + q);
                  y[at_y].add(plain(from.x[at_x]) * plain(from.w[at_w]));
                  dx[at_x].add(plain(from.dy[at_y]) * plain(from.w[at_w]));
                  dw[at_w].add(plain(from.dy[at_y]) * plain(from.x[at_x]));
                }
              }
            }
          }
        }
      }
    }
  }
};

/// The largest error, in units of `epsilon` times the size of what was summed.
template <class T>
double worst(const std::vector<T>& got, const std::vector<Sum>& sums, double epsilon) {
  double most = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(plain(got[i]) - sums[i].value) / sums[i].size / epsilon;
    most = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(most, error);
  }
  return most;
}

/// The same bits on every number of threads.
inline void check_threads(const ConvShape& s) {
  for (shunt::Isa isa : shunt::kernels::isas()) {
    std::vector<float> y, dx, dw;
    for (int threads : {1, 2, 3, 8}) {
      const shunt::kernels::Setting setting(isa, threads);
      Case<float> got(s);
      got.run(true, false);
      if (threads == 1) y = got.y, dx = got.dx, dw = got.dw;
      CAPTURE(shunt::name(isa), threads, s.h, s.sh);
      CHECK(got.y == y);
      CHECK(got.dx == dx);
      CHECK(got.dw == dw);
    }
  }
}

}  // namespace convolution
