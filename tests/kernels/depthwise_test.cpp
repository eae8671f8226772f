#include <cmath>
#include <limits>
#include <vector>

#include "shunt/kernels/conv.hpp"
#include "support/catch.hpp"
#include "support/isa.hpp"

using namespace shunt;
using namespace shunt::kernels;

namespace {

using Size = std::int64_t;

ConvShape depthwise(Size n, Size c, Size h, Size w, Size kh, Size kw, Size stride, Size ph, Size pw,
                    Size multiplier = 1) {
  ConvShape s{n, c, h, w, c * multiplier, kh, kw, stride, stride, ph, pw, 1, 1, c, 0, 0};
  s.oh = h + 2 * ph >= kh ? (h + 2 * ph - kh) / stride + 1 : 0;
  s.ow = w + 2 * pw >= kw ? (w + 2 * pw - kw) / stride + 1 : 0;
  return s;
}

// Buffers end where their last value does, so that AddressSanitizer sees what is read or written beyond.
template <class T>
struct Case {
  ConvShape s;
  std::vector<T> x, w, bias, dy, y, dx, dw;
  explicit Case(const ConvShape& shape)
      : s(shape),
        x(random_vector<T>(s.n * s.c * s.h * s.w, 1)),
        w(random_vector<T>(s.k * s.kh * s.kw, 2)),
        bias(random_vector<T>(s.k, 3)),
        dy(random_vector<T>(s.n * s.k * s.oh * s.ow, 4)),
        y(random_vector<T>(s.n * s.k * s.oh * s.ow, 5)),
        dx(random_vector<T>(s.n * s.c * s.h * s.w, 6)),
        dw(random_vector<T>(s.k * s.kh * s.kw, 7)) {}
  void run(bool with_bias, bool accumulate) {
    conv_forward<T>(s, x.data(), w.data(), with_bias ? bias.data() : nullptr, y.data(), accumulate);
    conv_backward_data<T>(s, dy.data(), w.data(), dx.data(), accumulate);
    conv_backward_weights<T>(s, x.data(), dy.data(), dw.data(), accumulate);
  }
};

// A sum in double, and the sum of its terms' sizes.
struct Sum {
  double value = 0, size = 0.5;
  void add(double v) {
    value += v;
    size += std::abs(v);
  }
};

template <class T>
struct Sums {
  std::vector<Sum> y, dx, dw;

  // The definition, in double.
  Sums(const Case<T>& from, bool with_bias, bool accumulate) {
    const ConvShape& s = from.s;
    start(y, from.y, accumulate), start(dx, from.dx, accumulate), start(dw, from.dw, accumulate);
    for (Size n = 0; n < s.n; ++n) {
      for (Size k = 0; k < s.k; ++k) {
        const Size plane = n * s.c + k / (s.k / s.c);
        for (Size oy = 0; oy < s.oh; ++oy) {
          for (Size ox = 0; ox < s.ow; ++ox) {
            const auto at_y = static_cast<std::size_t>(((n * s.k + k) * s.oh + oy) * s.ow + ox);
            if (with_bias) y[at_y].add(static_cast<double>(from.bias[static_cast<std::size_t>(k)]));
            for (Size r = 0; r < s.kh; ++r) {
              for (Size q = 0; q < s.kw; ++q) {
                const Size iy = oy * s.sh - s.ph + r, ix = ox * s.sw - s.pw + q;
                if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w) continue;
                const auto at_x = static_cast<std::size_t>((plane * s.h + iy) * s.w + ix);
                const auto at_w = static_cast<std::size_t>((k * s.kh + r) * s.kw + q);
                const double xv = static_cast<double>(from.x[at_x]), wv = static_cast<double>(from.w[at_w]);
                const double dyv = static_cast<double>(from.dy[at_y]);
                y[at_y].add(xv * wv);
                dx[at_x].add(dyv * wv);
                dw[at_w].add(dyv * xv);
              }
            }
          }
        }
      }
    }
  }
  static void start(std::vector<Sum>& sums, const std::vector<T>& v, bool accumulate) {
    sums.resize(v.size());
    for (std::size_t i = 0; i < v.size() && accumulate; ++i) sums[i].value = static_cast<double>(v[i]);
  }
};

template <class T>
double worst(const std::vector<T>& got, const std::vector<Sum>& sums) {
  double most = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(static_cast<double>(got[i]) - sums[i].value) / sums[i].size /
                         static_cast<double>(std::numeric_limits<T>::epsilon());
    most = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(most, error);
  }
  return most;
}

constexpr double few_roundings = 8;

template <class T>
void check(const ConvShape& s, bool with_bias, bool accumulate) {
  const Case<T> from(s);
  const Sums<T> sums(from, with_bias, accumulate);
  for (Isa isa : isas()) {
    const Setting setting(isa);
    Case<T> got = from;
    got.run(with_bias, accumulate);
    const double y = worst(got.y, sums.y), dx = worst(got.dx, sums.dx), dw = worst(got.dw, sums.dw);
    if (y < few_roundings && dx < few_roundings && dw < few_roundings) continue;
    CAPTURE(name(isa), sizeof(T), accumulate, s.n, s.c, s.h, s.w, s.k, s.kh, s.kw, s.sh, s.ph, s.pw);
    CHECK(y < few_roundings);
    CHECK(dx < few_roundings);
    CHECK(dw < few_roundings);
  }
}

void check_both(const ConvShape& s) {
  if (s.oh == 0 || s.ow == 0) return;
  check<float>(s, true, false);
  check<float>(s, false, true);
  check<double>(s, true, true);
  check<double>(s, false, false);
}

template <class T>
bool same_places_nan(const std::vector<T>& got, const std::vector<Sum>& sums) {
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(got[i]) != std::isnan(sums[i].value)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("depthwise: value and both gradients are the definition's, every small size", "[kernels][depthwise]") {
  for (Size size = 1; size <= 20; ++size) {
    for (Size kernel : {1, 3, 5, 7}) {
      for (Size stride : {1, 2}) {
        for (Size pad = 0; pad <= kernel / 2; ++pad) {
          const Size channels = 1 + (size * 7 + kernel + pad) % 17;
          check_both(depthwise(2, channels, size, size, kernel, kernel, stride, pad, pad));
        }
      }
    }
  }
  CHECK(true);
}

TEST_CASE("depthwise: any number of channels side by side", "[kernels][depthwise]") {
  for (Size channels = 1; channels <= 17; ++channels) {
    for (Size size : {2, 3, 5, 7}) {
      for (Size stride : {1, 2}) {
        check_both(depthwise(2, channels, size, size + 1, 3, 3, stride, 1, 1));
        check_both(depthwise(1, channels, size, size, 3, 3, stride, 1, 1, 2));
      }
    }
  }
  CHECK(true);
}

TEST_CASE("depthwise: wide, tall and odd shapes, several filters a channel", "[kernels][depthwise]") {
  for (const ConvShape& s : {depthwise(1, 2, 40, 37, 3, 3, 1, 1, 1),    depthwise(1, 2, 41, 70, 3, 3, 2, 1, 1),
                             depthwise(1, 3, 64, 33, 5, 5, 1, 2, 2),    depthwise(2, 3, 33, 64, 5, 5, 2, 2, 2),
                             depthwise(1, 2, 5, 2100, 3, 3, 1, 1, 1),   depthwise(1, 2, 9, 1999, 5, 5, 2, 2, 2),
                             depthwise(1, 2, 300, 3, 3, 3, 1, 1, 1),    depthwise(1, 3, 12, 15, 3, 5, 1, 2, 4),
                             depthwise(1, 3, 13, 15, 5, 3, 2, 4, 2),    depthwise(1, 3, 12, 15, 2, 4, 1, 1, 3),
                             depthwise(1, 3, 13, 14, 4, 2, 2, 3, 1),    depthwise(2, 5, 14, 14, 9, 9, 1, 4, 4),
                             depthwise(2, 5, 14, 14, 11, 11, 2, 5, 5),  depthwise(1, 2, 9, 9, 7, 7, 1, 6, 6),
                             depthwise(3, 4, 10, 21, 3, 3, 1, 1, 1, 3), depthwise(3, 4, 10, 21, 3, 3, 2, 1, 1, 4),
                             depthwise(40, 3, 28, 28, 3, 3, 1, 1, 1),   depthwise(1, 3, 30, 1, 5, 1, 1, 2, 0),
                             depthwise(2, 3, 1, 30, 1, 5, 1, 0, 2),     depthwise(1, 9, 8, 8, 8, 8, 1, 0, 0)}) {
    check_both(s);
  }
  CHECK(true);
}

TEST_CASE("depthwise: the same bits on every number of threads", "[kernels][depthwise][tsan]") {
  for (Isa isa : isas()) {
    for (const ConvShape& s : {depthwise(9, 16, 28, 28, 3, 3, 1, 1, 1), depthwise(20, 3, 33, 30, 5, 5, 2, 2, 2),
                               depthwise(17, 40, 7, 7, 3, 3, 1, 1, 1), depthwise(1, 64, 56, 56, 7, 7, 1, 3, 3)}) {
      std::vector<float> y, dx, dw;
      for (int threads : {1, 2, 3, 8}) {
        const Setting setting(isa, threads);
        Case<float> got(s);
        got.run(true, false);
        if (threads == 1) y = got.y, dx = got.dx, dw = got.dw;
        CAPTURE(name(isa), threads, s.h, s.sh);
        CHECK(got.y == y);
        CHECK(got.dx == dx);
        CHECK(got.dw == dw);
      }
    }
  }
}

TEST_CASE("depthwise: NaN in x or dy reaches what sees it, and nothing else", "[kernels][depthwise]") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  for (Size size : {3, 7, 14, 18}) {
    for (Size kernel : {3, 5, 7}) {
      for (Size stride : {1, 2}) {
        const ConvShape s = depthwise(2, 5, size, size, kernel, kernel, stride, kernel / 2, kernel / 2);
        for (std::size_t place = 0; place < static_cast<std::size_t>(size * size); ++place) {
          Case<float> x_case(s), dy_case(s);
          const std::size_t plane = 3 * static_cast<std::size_t>(size * size);
          x_case.x[plane + place] = nan;
          const std::size_t results = static_cast<std::size_t>(s.oh * s.ow);
          dy_case.dy[3 * results + place % results] = nan;
          for (const Case<float>* from : {&x_case, &dy_case}) {
            const Sums<float> sums(*from, true, false);
            for (Isa isa : isas()) {
              const Setting setting(isa);
              Case<float> got = *from;
              got.run(true, false);
              CAPTURE(name(isa), size, kernel, stride, place, from == &x_case);
              CHECK(same_places_nan(got.y, sums.y));
              CHECK(same_places_nan(got.dx, sums.dx));
              if (from == &x_case) CHECK(same_places_nan(got.dw, sums.dw));
            }
          }
        }
      }
    }
  }
}
