#include <cmath>
#include <limits>
#include <vector>

#include "support/convolution.hpp"

using namespace shunt;
using namespace shunt::kernels;
using namespace convolution;

namespace {

ConvShape depthwise(Size n, Size c, Size h, Size w, Size kh, Size kw, Size stride, Size ph, Size pw,
                    Size multiplier = 1) {
  ConvShape s{n, c, h, w, c * multiplier, kh, kw, stride, stride, ph, pw, 1, 1, c, 0, 0};
  s.oh = h + 2 * ph >= kh ? (h + 2 * ph - kh) / stride + 1 : 0;
  s.ow = w + 2 * pw >= kw ? (w + 2 * pw - kw) / stride + 1 : 0;
  return s;
}

template <class T>
void check(const ConvShape& s, bool with_bias, bool accumulate) {
  const Case<T> from(s);
  const Sums<T> sums(from, with_bias, accumulate, 0.5);
  constexpr auto epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  for (Isa isa : isas()) {
    const Setting setting(isa);
    Case<T> got = from;
    got.run(with_bias, accumulate);
    const double y = worst(got.y, sums.y, epsilon), dx = worst(got.dx, sums.dx, epsilon),
                 dw = worst(got.dw, sums.dw, epsilon);
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
bool same_places_nan(const std::vector<T>& got, const std::vector<convolution::Sum>& sums) {
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
  for (const ConvShape& s : {depthwise(9, 16, 28, 28, 3, 3, 1, 1, 1), depthwise(20, 3, 33, 30, 5, 5, 2, 2, 2),
                             depthwise(17, 40, 7, 7, 3, 3, 1, 1, 1), depthwise(1, 64, 56, 56, 7, 7, 1, 3, 3)}) {
    check_threads(s);
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
