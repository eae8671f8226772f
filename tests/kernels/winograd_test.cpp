#include "shunt/kernels/winograd.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "shunt/kernels/conv.hpp"
#include "support/catch.hpp"
#include "support/isa.hpp"

using namespace shunt;
using namespace shunt::kernels;

namespace {

using Size = std::int64_t;
using kernels::detail::Correlation;

ConvShape shape(Size n, Size c, Size h, Size w, Size k, Size pad) {
  return {n, c, h, w, k, 3, 3, 1, 1, pad, pad, 1, 1, 1, h + 2 * pad - 2, w + 2 * pad - 2};
}

std::vector<float> normal(Size n, unsigned seed) {
  std::mt19937 bits(seed);
  std::normal_distribution<float> value;
  std::vector<float> v(static_cast<std::size_t>(n));
  for (float& x : v) x = value(bits);
  return v;
}
std::vector<double> in_double(const std::vector<float>& v, bool size = false) {
  std::vector<double> out;
  for (float x : v) out.push_back(static_cast<double>(size ? std::abs(x) : x));
  return out;
}

// One correlation, whatever the cost rule says about its shape.
struct WinogradCase {
  Correlation g;
  std::vector<float> source, weights, bias, result;
  WinogradCase(const ConvShape& s, bool backward)
      : g(backward ? kernels::detail::backward_correlation(s, 0, 0) : kernels::detail::forward_correlation(s)),
        source(normal(g.images * g.source_image(), 1)),
        weights(normal(s.k * s.c * 9, 2)),
        bias(normal(g.filters, 3)),
        result(normal(g.images * g.filters * g.result_plane(), 4)) {}
  void run(bool with_bias, bool accumulate) {
    by_isa(portable::winograd<float>, avx2::winograd<float>, avx512::winograd<float>)(
        g, source.data(), weights.data(), with_bias ? bias.data() : nullptr, result.data(), accumulate);
  }
  template <class T>
  std::vector<T> direct(const std::vector<T>& x, const std::vector<T>& w, const T* b, std::vector<T> y,
                        bool accumulate) const {
    by_isa(portable::correlate<T>, avx2::correlate<T>, avx512::correlate<T>)(g, x.data(), w.data(), b, y.data(),
                                                                             accumulate);
    return y;
  }
};

// The transforms mix the pixels of a tile, so an error is in proportion to the sum of sizes of the tile's largest
// pixel.
constexpr double winograd_roundings = 24;

double tile_size(const std::vector<double>& size, const Correlation& g, std::size_t at) {
  const auto rows = static_cast<std::size_t>(g.y.results), cols = static_cast<std::size_t>(g.x.results);
  const std::size_t plane = at / (rows * cols) * rows * cols;
  const std::size_t v = at % (rows * cols) / cols / 4 * 4, u = at % cols / 4 * 4;
  double most = 0;
  for (std::size_t i = v; i < std::min(v + 4, rows); ++i) {
    for (std::size_t j = u; j < std::min(u + 4, cols); ++j) most = std::max(most, size[plane + i * cols + j]);
  }
  return most;
}

void check(const ConvShape& s, bool backward, bool with_bias, bool accumulate) {
  WinogradCase got(s, backward);
  const auto bias = in_double(got.bias);
  const auto exact = got.direct(in_double(got.source), in_double(got.weights), with_bias ? bias.data() : nullptr,
                                in_double(got.result), accumulate);
  const auto size = got.direct<double>(in_double(got.source, true), in_double(got.weights, true), nullptr,
                                       std::vector<double>(got.result.size(), 1.0), true);
  got.run(with_bias, accumulate);
  double worst = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double error = std::abs(static_cast<double>(got.result[i]) - exact[i]) / tile_size(size, got.g, i);
    worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
  }
  CAPTURE(s.n, s.c, s.h, s.w, s.k, s.ph, backward, with_bias, accumulate);
  CHECK(worst < winograd_roundings * static_cast<double>(std::numeric_limits<float>::epsilon()));
}

bool run_weights(const Correlation& g, const std::vector<float>& x, const std::vector<float>& dy,
                 std::vector<float>& dw, bool accumulate) {
  return by_isa(portable::winograd_weights<float>, avx2::winograd_weights<float>, avx512::winograd_weights<float>)(
      g, x.data(), dy.data(), dw.data(), accumulate);
}

void check_weights(const ConvShape& s, bool accumulate) {
  const Correlation g = kernels::detail::forward_correlation(s);
  const auto x = normal(s.n * s.c * s.h * s.w, 1), dy = normal(s.n * s.k * s.oh * s.ow, 2);
  auto dw = normal(s.k * s.c * 9, 3);
  auto exact = in_double(dw);
  std::vector<double> size(dw.size(), 1.0);
  conv_backward_weights<double>(s, in_double(x).data(), in_double(dy).data(), exact.data(), accumulate);
  conv_backward_weights<double>(s, in_double(x, true).data(), in_double(dy, true).data(), size.data(), true);
  CHECK(run_weights(g, x, dy, dw, accumulate));
  double worst = 0;
  for (std::size_t i = 0; i < dw.size(); ++i) {
    const std::size_t first = i / 9 * 9;  // of the nine that are transformed together
    const double most = *std::max_element(size.begin() + static_cast<std::ptrdiff_t>(first),
                                          size.begin() + static_cast<std::ptrdiff_t>(first + 9));
    const double error = std::abs(static_cast<double>(dw[i]) - exact[i]) / most;
    worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
  }
  CAPTURE(s.n, s.c, s.h, s.w, s.k, s.ph, accumulate);
  CHECK(worst < winograd_roundings * static_cast<double>(std::numeric_limits<float>::epsilon()));
}

}  // namespace

TEST_CASE("winograd: the direct result, for all edges of tiles", "[kernels][conv]") {
  for (Isa isa : isas()) {
    const Setting setting(isa);
    CAPTURE(name(isa));
    for (Size h = 1; h <= 13; ++h) {
      for (Size w : {1, 2, 3, 4, 5, 7, 8, 10, 13}) {
        for (Size pad : {0, 1, 2, 3}) {
          if (h + 2 * pad < 3 || w + 2 * pad < 3) continue;
          const Size c = 1 + (h * w + pad) % 4, k = 1 + (h + w) % 5, n = 1 + (h + w + pad) % 3;
          for (bool backward : {false, true}) check(shape(n, c, h, w, k, pad), backward, !backward, (h + w) % 2 == 0);
        }
      }
    }
  }
}

TEST_CASE("winograd: the direct result, for channels and filters around panels", "[kernels][conv]") {
  for (Isa isa : isas()) {
    const Setting setting(isa);
    CAPTURE(name(isa));
    for (Size c : {1, 3, 8, 16, 17}) {
      for (Size k : {1, 3, 8, 16, 17, 30}) {
        for (bool backward : {false, true}) check(shape(2, c, 9, 14, k, 1), backward, true, c == 8);
      }
    }
    // Several blocks, rows of tiles and images that end within a vector, few tiles under many channels.
    for (const ConvShape& s : {shape(3, 40, 30, 22, 20, 1), shape(9, 64, 8, 8, 24, 1), shape(2, 24, 57, 9, 9, 0),
                               shape(3, 140, 7, 7, 150, 1), shape(1, 270, 6, 9, 75, 2)}) {
      for (bool backward : {false, true}) check(s, backward, true, backward);
    }
  }
}

TEST_CASE("winograd: the gradient of the weights is the direct one", "[kernels][conv]") {
  for (Isa isa : isas()) {
    const Setting setting(isa);
    CAPTURE(name(isa));
    for (Size h : {1, 2, 3, 4, 5, 8, 9, 11, 13}) {
      for (Size w : {1, 2, 3, 4, 6, 7, 8, 13}) {
        for (Size pad : {0, 1, 2, 3}) {
          if (h + 2 * pad < 3 || w + 2 * pad < 3) continue;
          check_weights(shape(1 + (h + w + pad) % 3, 1 + (h * w + pad) % 4, h, w, 1 + (h + w) % 5, pad), h % 2 == 0);
        }
      }
    }
    for (Size c : {1, 3, 8, 16, 17, 40}) {
      for (Size k : {1, 3, 8, 16, 17, 30}) check_weights(shape(2, c, 9, 14, k, 1), c == 8);
    }
    for (const ConvShape& s : {shape(40, 5, 8, 8, 7, 1), shape(3, 20, 40, 30, 20, 1), shape(1, 6, 300, 5, 9, 1)}) {
      check_weights(s, true);
    }
  }
}

TEST_CASE("winograd: is chosen by cost, and its error is small", "[kernels][conv]") {
  for (Isa isa : isas()) {
    const Setting setting(isa);
    for (const ConvShape& s : {shape(2, 16, 32, 32, 16, 1), shape(4, 256, 14, 14, 128, 1)}) {
      WinogradCase got(s, false);
      CHECK(kernels::detail::WinogradTiles::pay(got.g, isa == Isa::avx512 ? 16 : isa == Isa::avx2 ? 8 : 4));
      const auto exact = got.direct<double>(in_double(got.source), in_double(got.weights), nullptr,
                                            std::vector<double>(got.result.size()), false);
      std::vector<float> y(got.result.size());
      conv_forward<float>(s, got.source.data(), got.weights.data(), nullptr, y.data());
      double most = 0, error = 0, sum = 0, errors = 0;
      for (std::size_t i = 0; i < y.size(); ++i) {
        const double difference = std::abs(static_cast<double>(y[i]) - exact[i]);
        most = std::max(most, std::abs(exact[i])), error = std::max(error, difference);
        sum += exact[i] * exact[i], errors += difference * difference;
      }
      CHECK(error / most < 1e-5);
      CHECK(std::sqrt(errors / sum) < 1e-5);
    }
    WinogradCase single(shape(1, 512, 7, 7, 512, 1), false);
    CHECK_FALSE(kernels::detail::WinogradTiles::pay(single.g, 16));
    ConvShape dilated = shape(2, 16, 32, 32, 16, 1);
    dilated.dh = dilated.dw = 2;
    CHECK_FALSE(kernels::detail::WinogradTiles::pay(kernels::detail::forward_correlation(dilated), 16));
  }
}

TEST_CASE("winograd: the same bits on every number of threads", "[kernels][conv][tsan]") {
  for (Isa isa : isas()) {
    for (const ConvShape& s : {shape(5, 24, 33, 20, 24, 1), shape(2, 130, 14, 14, 90, 1)}) {
      for (bool backward : {false, true}) {
        std::vector<float> one;
        for (int threads : {1, 2, 3, 8}) {
          const Setting setting(isa, threads);
          WinogradCase got(s, backward);
          got.run(true, true);
          if (threads == 1) one = got.result;
          CAPTURE(name(isa), threads, backward);
          CHECK(got.result == one);
        }
      }
      std::vector<float> one;
      for (int threads : {1, 2, 3, 8}) {
        const Setting setting(isa, threads);
        const auto x = normal(s.n * s.c * s.h * s.w, 1), dy = normal(s.n * s.k * s.oh * s.ow, 2);
        auto dw = normal(s.k * s.c * 9, 3);
        CHECK(run_weights(kernels::detail::forward_correlation(s), x, dy, dw, true));
        if (threads == 1) one = dw;
        CHECK(dw == one);
      }
    }
  }
}

TEST_CASE("winograd: values that are not finite, or huge, go where the direct path takes them", "[kernels][conv]") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  for (Isa isa : isas()) {
    const Setting setting(isa);
    for (const ConvShape& s : {shape(3, 6, 22, 22, 18, 1), shape(2, 130, 9, 9, 90, 1)}) {
      for (bool accumulate : {false, true}) {
        for (float value : {nan, inf, -inf, 3e37F}) {
          for (bool in_weights : {false, true}) {
            WinogradCase got(s, false);
            auto& place = in_weights ? got.weights : got.source;
            place[place.size() / 2 + 3] = value;
            const auto want = got.direct(got.source, got.weights, got.bias.data(), got.result, accumulate);
            got.run(true, accumulate);
            bool same = true;
            for (std::size_t i = 0; i < want.size(); ++i) {
              const float x = got.result[i], y = want[i];
              same = same && (std::isfinite(y) ? std::abs(x - y) <= 1e-4F * (30 + std::abs(y))
                              : std::isnan(y)  ? std::isnan(x)
                                               : x == y);
            }
            CAPTURE(name(isa), s.c, value, in_weights, accumulate);
            CHECK(same);
          }
        }
      }
    }
  }
}

TEST_CASE("winograd: the gradient of the weights declines what is not finite", "[kernels][conv]") {
  for (Isa isa : isas()) {
    const Setting setting(isa);
    const ConvShape s = shape(3, 6, 22, 21, 18, 1);
    for (float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 3e37F}) {
      for (std::size_t at : {std::size_t{0}, std::size_t{20}, std::size_t{3000}}) {
        auto x = normal(s.n * s.c * s.h * s.w, 1), dy = normal(s.n * s.k * s.oh * s.ow, 2);
        (at == 20 ? dy : x)[at] = value;
        std::vector<float> dw(static_cast<std::size_t>(s.k * s.c * 9), 7.0F);
        CHECK_FALSE(run_weights(kernels::detail::forward_correlation(s), x, dy, dw, false));
        CHECK(dw == std::vector<float>(dw.size(), 7.0F));
      }
    }
  }
}
