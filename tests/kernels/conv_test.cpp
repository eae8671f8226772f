#include "shunt/kernels/conv.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"
#include "support/isa.hpp"

using namespace shunt;
using namespace shunt::kernels;

namespace {

using Size = std::int64_t;

ConvShape with_output(ConvShape s) {
  s.oh = std::max<Size>(0, (s.h + 2 * s.ph - s.dh * (s.kh - 1) - 1 + s.sh) / s.sh);
  s.ow = std::max<Size>(0, (s.w + 2 * s.pw - s.dw * (s.kw - 1) - 1 + s.sw) / s.sw);
  return s;
}
bool possible(const ConvShape& s) {
  return s.h + 2 * s.ph >= s.dh * (s.kh - 1) + 1 && s.w + 2 * s.pw >= s.dw * (s.kw - 1) + 1;
}

double plain(float x) { return static_cast<double>(x); }
double plain(double x) { return x; }
double plain(bfloat16 x) { return static_cast<double>(static_cast<float>(x)); }
double plain(const dual<float>& x) { return static_cast<double>(x.value); }

// x, w, bias, dy and the three results of one convolution.
template <class T>
struct Case {
  ConvShape s;
  std::vector<T> x, w, bias, dy, y, dx, dw;
  explicit Case(const ConvShape& shape)
      : s(shape),
        x(random_vector<T>(s.n * s.c * s.h * s.w, 1)),
        w(random_vector<T>(s.k * (s.c / s.groups) * s.kh * s.kw, 2)),
        bias(random_vector<T>(s.k, 3)),
        dy(random_vector<T>(s.n * s.k * s.oh * s.ow, 4)),
        y(random_vector<T>(s.n * s.k * s.oh * s.ow, 5)),
        dx(random_vector<T>(s.n * s.c * s.h * s.w, 6)),
        dw(random_vector<T>(s.k * (s.c / s.groups) * s.kh * s.kw, 7)) {}
  void run(bool with_bias, bool accumulate) {
    conv_forward<T>(s, x.data(), w.data(), with_bias ? bias.data() : nullptr, y.data(), accumulate);
    conv_backward_data<T>(s, dy.data(), w.data(), dx.data(), accumulate);
    conv_backward_weights<T>(s, x.data(), dy.data(), dw.data(), accumulate);
  }
};

// A sum in double, and the sum of its terms' sizes.
struct Sum {
  double value = 0, size = 1;
  void add(double v) {
    value += v;
    size += std::abs(v);
  }
};

template <class T>
std::vector<Sum> started(const std::vector<T>& v, bool accumulate) {
  std::vector<Sum> sums(v.size());
  for (std::size_t i = 0; i < v.size() && accumulate; ++i) sums[i].value = plain(v[i]);
  return sums;
}

template <class T>
double worst(const std::vector<T>& got, const std::vector<Sum>& sums, double epsilon) {
  double most = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(plain(got[i]) - sums[i].value) / sums[i].size / epsilon;
    most = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(most, error);
  }
  return most;
}

// Winograd's transforms mix neighbouring pixels, whose sizes are not this one's.
constexpr double few_roundings = 8, tile_roundings = 32;

// The definition, in double: seven loops, no special case.
template <class T>
void check(const ConvShape& s, bool with_bias, bool accumulate, double epsilon) {
  Case<T> got(s);
  auto y = started(got.y, accumulate), dx = started(got.dx, accumulate), dw = started(got.dw, accumulate);
  const Size c_group = s.c / s.groups, k_group = s.k / s.groups;
  for (Size n = 0; n < s.n; ++n) {
    for (Size k = 0; k < s.k; ++k) {
      for (Size oy = 0; oy < s.oh; ++oy) {
        for (Size ox = 0; ox < s.ow; ++ox) {
          const auto at_y = static_cast<std::size_t>(((n * s.k + k) * s.oh + oy) * s.ow + ox);
          if (with_bias) y[at_y].add(plain(got.bias[static_cast<std::size_t>(k)]));
          for (Size c = 0; c < c_group; ++c) {
            for (Size r = 0; r < s.kh; ++r) {
              for (Size q = 0; q < s.kw; ++q) {
                const Size iy = oy * s.sh - s.ph + r * s.dh, ix = ox * s.sw - s.pw + q * s.dw;
                if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w) continue;
                const Size channel = k / k_group * c_group + c;
                const auto at_x = static_cast<std::size_t>(((n * s.c + channel) * s.h + iy) * s.w + ix);
                const auto at_w = static_cast<std::size_t>(((k * c_group + c) * s.kh + r) * s.kw + q);
                y[at_y].add(plain(got.x[at_x]) * plain(got.w[at_w]));
                dx[at_x].add(plain(got.dy[at_y]) * plain(got.w[at_w]));
                dw[at_w].add(plain(got.dy[at_y]) * plain(got.x[at_x]));
              }
            }
          }
        }
      }
    }
  }
  got.run(with_bias, accumulate);
  CAPTURE(s.n, s.c, s.h, s.w, s.k, s.kh, s.kw, s.sh, s.sw, s.ph, s.pw, s.dh, s.dw, s.groups);
  const bool tiled = std::is_same_v<T, float> && s.kh == 3 && s.kw == 3 && s.sh == 1 && s.sw == 1 && s.groups == 1;
  const double roundings = tiled ? tile_roundings : few_roundings;
  CHECK(worst(got.y, y, epsilon) < roundings);
  CHECK(worst(got.dx, dx, epsilon) < roundings);
  CHECK(worst(got.dw, dw, epsilon) < roundings);
}

template <class T>
void check_both(const ConvShape& s) {
  const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  check<T>(with_output(s), true, false, epsilon);
  check<T>(with_output(s), false, true, epsilon);
}

// Small images under every kernel, stride, padding and dilation that fits: edges are most of them.
std::vector<ConvShape> small_shapes() {
  std::vector<ConvShape> shapes;
  for (Size n : {0, 1, 3}) {
    for (Size size : {1, 4, 9, 18}) {
      for (Size kernel : {1, 2, 3}) {
        for (Size stride : {1, 2, 3}) {
          for (Size pad : {0, 1, 2}) {
            for (Size dilation : {1, 2}) {
              if (dilation == 2 && kernel == 1) continue;
              for (Size groups : {1, 2, 4}) {
                const ConvShape s{n,      4,        size,     size + 1, groups == 4 ? 8 : 6,
                                  kernel, kernel,   stride,   stride,   pad,
                                  pad,    dilation, dilation, groups,   0,
                                  0};
                if (possible(s)) shapes.push_back(s);
              }
            }
          }
        }
      }
    }
  }
  return shapes;
}

// The shapes of networks, around tiles and strips, not square, and one dimension.
std::vector<ConvShape> network_shapes() {
  return {{2, 3, 32, 32, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0},   {3, 3, 30, 33, 17, 7, 7, 2, 2, 3, 3, 1, 1, 1, 0, 0},
          {2, 64, 9, 13, 29, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0},   {2, 31, 9, 13, 64, 3, 3, 2, 2, 1, 1, 1, 1, 1, 0, 0},
          {5, 200, 4, 4, 130, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0},  {9, 40, 1, 1, 50, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0},
          {4, 300, 7, 7, 64, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0},   {2, 32, 12, 12, 32, 3, 3, 1, 1, 1, 1, 1, 1, 32, 0, 0},
          {2, 32, 12, 12, 64, 3, 3, 2, 2, 1, 1, 1, 1, 32, 0, 0}, {1, 2, 60, 90, 3, 5, 5, 1, 2, 2, 2, 1, 2, 1, 0, 0},
          {3, 8, 1, 300, 12, 1, 5, 1, 2, 0, 2, 1, 1, 1, 0, 0},   {1, 60, 80, 70, 9, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0},
          {1, 70, 5, 5, 33, 5, 3, 1, 1, 6, 4, 3, 2, 1, 0, 0},    {1, 1, 1, 40, 1, 1, 40, 1, 1, 0, 0, 1, 1, 1, 0, 0},
          {2, 20, 16, 16, 40, 1, 1, 2, 2, 0, 0, 1, 1, 1, 0, 0},  {1, 9, 20, 20, 5, 3, 2, 3, 2, 1, 1, 2, 3, 1, 0, 0}};
}

}  // namespace

TEST_CASE("conv: value and both gradients are the definition's, small images", "[kernels][conv]") {
  for (Isa isa : isas()) {
    const Setting setting(isa);
    CAPTURE(name(isa));
    for (const ConvShape& s : small_shapes()) {
      check_both<float>(s);
      if (s.n == 1) check_both<double>(s);
    }
  }
}

TEST_CASE("conv: value and both gradients are the definition's, shapes of networks", "[kernels][conv]") {
  for (Isa isa : isas()) {
    const Setting setting(isa);
    CAPTURE(name(isa));
    for (const ConvShape& s : network_shapes()) {
      check_both<float>(s);
      check_both<double>(s);
    }
  }
}

TEST_CASE("conv: other scalars by im2col", "[kernels][conv]") {
  for (const ConvShape& s : small_shapes()) {
    if (s.n != 1 || s.h > 9) continue;
    check<dual<float>>(with_output(s), true, true, 1.2e-7);
    check<bfloat16>(with_output(s), true, false, 1.0 / 256);  // dx and dw are rounded once for every block of rows
  }
}

TEST_CASE("conv: the derivative part of dual numbers is the convolution of the derivatives", "[kernels][conv]") {
  const ConvShape s = with_output({2, 3, 6, 5, 4, 3, 3, 2, 1, 1, 1, 1, 1, 1, 0, 0});
  Case<double> part(s);
  std::vector<dual<double>> x, w, y(part.y.size());
  for (double v : part.x) x.push_back({v, 1.0});
  for (double v : part.w) w.push_back({v, 0.0});
  conv_forward<dual<double>>(s, x.data(), w.data(), nullptr, y.data());
  const std::vector<double> ones(part.x.size(), 1.0);
  conv_forward<double>(s, ones.data(), part.w.data(), nullptr, part.y.data());
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::abs(y[i].eps - part.y[i]) < 1e-12);
}

TEST_CASE("conv: the same bits on every number of threads", "[kernels][conv][tsan]") {
  for (Isa isa : isas()) {
    for (const ConvShape& s : {ConvShape{9, 16, 20, 20, 24, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0},
                               ConvShape{2, 96, 14, 14, 100, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0},
                               ConvShape{1, 130, 14, 14, 200, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0},
                               ConvShape{5, 32, 17, 17, 32, 3, 3, 2, 2, 1, 1, 1, 1, 4, 0, 0}}) {
      std::vector<float> y, dx, dw;
      for (int threads : {1, 2, 3, 8}) {
        const Setting setting(isa, threads);
        Case<float> got(with_output(s));
        got.run(true, false);
        if (threads == 1) y = got.y, dx = got.dx, dw = got.dw;
        CAPTURE(name(isa), threads);
        CHECK(got.y == y);
        CHECK(got.dx == dx);
        CHECK(got.dw == dw);
      }
    }
  }
}

TEST_CASE("conv: NaN reaches the pixels that see it, padding stays zero", "[kernels][conv]") {
  for (Isa isa : isas()) {
    const Setting setting(isa);
    const ConvShape s = with_output({1, 1, 8, 8, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0});
    std::vector<float> x(64, 1.0F), w(9, 1.0F), y(64);
    x[0] = std::numeric_limits<float>::quiet_NaN();
    conv_forward<float>(s, x.data(), w.data(), nullptr, y.data());
    for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::isnan(y[i]) == (i / 8 < 2 && i % 8 < 2));
    CHECK(y[63] == 4.0F);  // the corner's window has four pixels inside
  }
}
