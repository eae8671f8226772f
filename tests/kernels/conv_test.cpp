#include "shunt/kernels/conv.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "support/convolution.hpp"

using namespace shunt;
using namespace shunt::kernels;
using namespace convolution;

namespace {

ConvShape with_output(ConvShape s) {
  s.oh = std::max<Size>(0, (s.h + 2 * s.ph - s.dh * (s.kh - 1) - 1 + s.sh) / s.sh);
  s.ow = std::max<Size>(0, (s.w + 2 * s.pw - s.dw * (s.kw - 1) - 1 + s.sw) / s.sw);
  return s;
}
bool possible(const ConvShape& s) {
  return s.h + 2 * s.ph >= s.dh * (s.kh - 1) + 1 && s.w + 2 * s.pw >= s.dw * (s.kw - 1) + 1;
}

// Winograd's transforms mix neighbouring pixels, whose sizes are not this one's.
constexpr double tile_roundings = 32;

template <class T>
void check(const ConvShape& s, bool with_bias, bool accumulate, double epsilon) {
  Case<T> got(s);
  const Sums<T> sums(got, with_bias, accumulate);
  got.run(with_bias, accumulate);
  CAPTURE(s.n, s.c, s.h, s.w, s.k, s.kh, s.kw, s.sh, s.sw, s.ph, s.pw, s.dh, s.dw, s.groups);
  const bool tiled = std::is_same_v<T, float> && s.kh == 3 && s.kw == 3 && s.sh == 1 && s.sw == 1 && s.groups == 1;
  const double roundings = tiled ? tile_roundings : few_roundings;
  CHECK(worst(got.y, sums.y, epsilon) < roundings);
  CHECK(worst(got.dx, sums.dx, epsilon) < roundings);
  CHECK(worst(got.dw, sums.dw, epsilon) < roundings);
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
  return {{2, 3, 32, 32, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0},    {3, 3, 30, 33, 17, 7, 7, 2, 2, 3, 3, 1, 1, 1, 0, 0},
          {2, 64, 9, 13, 29, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0},    {2, 31, 9, 13, 64, 3, 3, 2, 2, 1, 1, 1, 1, 1, 0, 0},
          {5, 200, 4, 4, 130, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0},   {9, 40, 1, 1, 50, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0},
          {4, 300, 7, 7, 64, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0},    {2, 32, 12, 12, 32, 3, 3, 1, 1, 1, 1, 1, 1, 32, 0, 0},
          {2, 32, 12, 12, 64, 3, 3, 2, 2, 1, 1, 1, 1, 32, 0, 0},  {1, 2, 60, 90, 3, 5, 5, 1, 2, 2, 2, 1, 2, 1, 0, 0},
          {3, 8, 1, 300, 12, 1, 5, 1, 2, 0, 2, 1, 1, 1, 0, 0},    {1, 60, 80, 70, 9, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0},
          {1, 70, 5, 5, 33, 5, 3, 1, 1, 6, 4, 3, 2, 1, 0, 0},     {1, 1, 1, 40, 1, 1, 40, 1, 1, 0, 0, 1, 1, 1, 0, 0},
          {3, 33, 7, 5, 47, 1, 1, 2, 2, 0, 0, 1, 1, 1, 0, 0},     {2, 64, 14, 14, 32, 1, 1, 1, 3, 0, 0, 1, 1, 1, 0, 0},
          {2, 20, 16, 16, 40, 1, 1, 2, 2, 0, 0, 1, 1, 1, 0, 0},   {1, 9, 20, 20, 5, 3, 2, 3, 2, 1, 1, 2, 3, 1, 0, 0},
          {3, 129, 13, 15, 130, 3, 3, 2, 2, 1, 1, 1, 1, 1, 0, 0}, {2, 140, 9, 21, 120, 5, 2, 2, 3, 2, 1, 1, 2, 1, 0, 0},
          {3, 182, 6, 7, 181, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0},   {2, 130, 3, 1, 128, 3, 5, 1, 2, 2, 4, 2, 1, 1, 0, 0}};
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
  for (const ConvShape& s : {ConvShape{9, 16, 20, 20, 24, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0},
                             ConvShape{2, 96, 14, 14, 100, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0},
                             ConvShape{1, 130, 14, 14, 200, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0},
                             ConvShape{4, 256, 7, 7, 300, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0},
                             ConvShape{5, 32, 17, 17, 32, 3, 3, 2, 2, 1, 1, 1, 1, 4, 0, 0}}) {
    check_threads(with_output(s));
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
