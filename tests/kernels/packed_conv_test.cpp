#include "shunt/kernels/packed_conv.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"
#include "support/isa.hpp"

using namespace shunt;
using namespace shunt::kernels;

namespace {

using Size = std::int64_t;
using Values = std::vector<float>;

// (n, c, plane) as (n, plane, pixel), with some values between one pixel's channels and the next.
Values by_pixels(const Values& x, Size n, Size c, Size plane, Size pixel) {
  Values out(static_cast<std::size_t>(n * plane * pixel), 1e30F);
  for (Size i = 0; i < n * c * plane; ++i)
    out[static_cast<std::size_t>((i / plane / c * plane + i % plane) * pixel + i / plane % c)] =
        x[static_cast<std::size_t>(i)];
  return out;
}

struct PackedCase {
  ConvShape s;
  int winograd;  // results a side of a tile, or 0
  Size gap;
  Values x, weights, bias, base;

  PackedCase(const ConvShape& shape, Size between, int tile = 0)
      : s(shape),
        winograd(tile),
        gap(between),
        x(random_vector<float>(s.n * s.c * s.h * s.w, 1)),
        weights(random_vector<float>(s.k * filter_size(s), 2)),
        bias(random_vector<float>(s.k, 3)),
        base(random_vector<float>(s.n * s.k * s.oh * s.ow, 4)) {}

  /// What a convolution in double gives, with the end that PackedConv describes.
  template <class T>
  std::vector<T> wanted(bool with_base, bool clamps, bool sizes = false) const {
    const auto as = [&](const Values& v) {
      std::vector<T> out;
      for (float f : v) out.push_back(static_cast<T>(sizes ? std::abs(f) : f));
      return out;
    };
    std::vector<T> y(static_cast<std::size_t>(s.n * s.k * s.oh * s.ow));
    conv_forward<T>(s, as(x).data(), as(weights).data(), as(bias).data(), y.data());
    const auto b = as(base);
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (with_base) y[i] += b[i];
      if (clamps && !sizes) y[i] = y[i] < T(0) ? T(0) : y[i] > T(0.5) ? T(0.5) : y[i];
    }
    return y;
  }
  bool run(Values& y, bool with_base, bool clamps) const {
    Values packed(static_cast<std::size_t>(packed_weights<float>(s, winograd)));
    pack_weights(s, winograd, weights.data(), packed.data());
    const auto in = by_pixels(x, s.n, s.c, s.h * s.w, s.c + gap);
    const auto skip = by_pixels(base, s.n, s.k, s.oh * s.ow, s.k + gap);
    Values out(static_cast<std::size_t>(s.n * s.oh * s.ow * (s.k + gap)), 7.0F);
    const bool done =
        packed_conv<float>({s, winograd, packed.data(), bias.data(), in.data(), s.c + gap,
                            with_base ? skip.data() : nullptr, s.k + gap, clamps, 0.0F, 0.5F, out.data(), s.k + gap});
    y.assign(static_cast<std::size_t>(s.n * s.k * s.oh * s.ow), 0);
    for (Size i = 0; i < s.n * s.oh * s.ow; ++i) {
      const auto pixel = static_cast<std::size_t>(i * (s.k + gap));
      for (Size c = 0; c < s.k; ++c)
        y[static_cast<std::size_t>((i / (s.oh * s.ow) * s.k + c) * s.oh * s.ow + i % (s.oh * s.ow))] =
            out[pixel + static_cast<std::size_t>(c)];
      for (Size c = s.k; c < s.k + gap; ++c)
        if (out[pixel + static_cast<std::size_t>(c)] != 7.0F) return false;  // wrote between pixels
    }
    return done;
  }
};

// Winograd's transforms mix the pixels of a tile, so an error is in proportion to the largest sum of sizes around.
void check(const PackedCase& c, bool with_base, bool clamps) {
  const auto want = c.wanted<double>(with_base, clamps), sizes = c.wanted<double>(with_base, false, true);
  Values y;
  CAPTURE(c.s.c, c.s.k, c.s.kh, c.s.kw, c.s.sh, c.s.sw, c.s.ph, c.s.dh, c.winograd, c.s.n, c.s.h, c.s.w, with_base,
          clamps);
  REQUIRE(c.run(y, with_base, clamps));
  const double most = sizes.empty() ? 0 : *std::max_element(sizes.begin(), sizes.end());
  double worst = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double error = std::abs(static_cast<double>(y[i]) - want[i]) / (c.winograd > 0 ? most : sizes[i] + 1e-30);
    worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
  }
  CHECK(worst < 24 * static_cast<double>(std::numeric_limits<float>::epsilon()));
}

/// With the results that fit.
ConvShape sized(ConvShape s) {
  s.oh = (s.h + 2 * s.ph - s.dh * (s.kh - 1) - 1) / s.sh + 1;
  s.ow = (s.w + 2 * s.pw - s.dw * (s.kw - 1) - 1) / s.sw + 1;
  return s;
}
ConvShape square(Size n, Size c, Size h, Size w, Size k, Size kernel, Size stride, Size pad) {
  return sized({n, c, h, w, k, kernel, kernel, stride, stride, pad, pad, 1, 1, 1, 0, 0});
}

/// As many groups as channels.
ConvShape each_channel(ConvShape s) {
  s.k = s.groups = s.c;
  return s;
}

}  // namespace

TEST_CASE("packed_conv: the convolution, for all edges of tiles and panels", "[kernels][conv]") {
  for (Isa isa : isas()) {
    const Setting setting(isa);
    CAPTURE(name(isa));
    for (Size c : {1, 3, 7, 16, 63, 64, 65, 130}) {
      for (Size k : {1, 5, 8, 16, 17, 33}) check(PackedCase(square(1, c, 5, 3, k, 1, 1, 0), c % 3), k % 2 == 0, k > 8);
    }
    for (Size h : {1, 2, 4, 7, 15}) {
      for (Size w : {1, 3, 6, 14, 29}) {
        check(PackedCase(square(2, 3, h, w, 10, 3, 1, 1), 0), true, false);
        check(PackedCase(square(1, 6, h, w, 9, 3, 2, 1), 2), false, true);
        check(PackedCase(sized({2, 5, h, w, 4, 2, 3, 2, 1, 1, 2, 1, 1, 1, 0, 0}), 1), false, false);
        check(PackedCase(sized({1, 4, h, w, 18, 3, 2, 1, 1, 4, 2, 2, 2, 1, 0, 0}), 0), true, true);
      }
    }
    check(PackedCase(square(1, 3, 40, 31, 24, 7, 2, 3), 0), false, true);
    check(PackedCase(square(1, 70, 12, 12, 100, 3, 1, 1), 0), true, true);
  }
}

TEST_CASE("packed_conv: by Winograd's form, for all edges of tiles and panels", "[kernels][conv]") {
  for (Isa isa : isas()) {
    const Setting setting(isa);
    CAPTURE(name(isa));
    for (Size h = 1; h <= 13; ++h) {
      for (Size w : {1, 2, 4, 5, 8, 11, 13}) {
        for (Size pad : {0, 1, 2}) {
          if (h + 2 * pad < 3 || w + 2 * pad < 3) continue;
          for (int tile : {2, 4})
            check(PackedCase(square(1 + h % 3, 1 + (h + w) % 19, h, w, 1 + (h * w) % 21, 3, 1, pad), w % 2, tile),
                  h % 2 == 0, w % 2 == 0);
        }
      }
    }
    for (int tile : {2, 4})
      for (Size c : {8, 17, 64, 65, 130}) check(PackedCase(square(2, c, 14, 22, 40, 3, 1, 1), 0, tile), true, true);
    check(PackedCase(square(1, 200, 9, 10, 150, 3, 1, 1), 0, 4), true, false);  // weights that threads share
    check(PackedCase(square(1, 270, 5, 6, 250, 3, 1, 1), 0, 2), false, true);
  }
}

TEST_CASE("packed_conv: of each channel by itself, for all edges of vectors and images", "[kernels][conv]") {
  for (Isa isa : isas()) {
    const Setting setting(isa);
    CAPTURE(name(isa));
    for (Size c : {2, 3, 7, 8, 16, 17, 40, 64}) {
      for (Size h : {1, 3, 6, 13}) {
        for (Size w : {1, 2, 4, 7, 12}) {
          check(PackedCase(each_channel(square(2, c, h, w, c, 3, 1, 1)), c % 3), h % 2 == 0, w % 2 == 0);
          check(PackedCase(each_channel(square(1, c, h, w, c, 3, 2, 1)), 1), w % 2 == 0, c > 8);
          check(PackedCase(each_channel(square(1, c, h, w, c, 7, 1, 3)), 0), true, false);
          if (h > 1 && w > 2)
            check(PackedCase(each_channel(sized({2, c, h, w, c, 2, 3, 1, 2, 0, 1, 1, 1, 1, 0, 0})), 2), false, true);
          check(PackedCase(each_channel(sized({1, c, h, w, c, 3, 2, 2, 1, 2, 1, 2, 2, 1, 0, 0})), 0), true, true);
        }
      }
    }
    PackedCase odd(each_channel(square(1, 20, 5, 6, 20, 3, 1, 1)), 0);  // what is no number stays in its window
    odd.x[13 * 30 + 14] = std::numeric_limits<float>::quiet_NaN();
    Values y;
    REQUIRE(odd.run(y, false, false));
    const auto want = odd.wanted<float>(false, false);
    bool same = true;
    for (std::size_t i = 0; i < y.size(); ++i) same = same && std::isnan(y[i]) == std::isnan(want[i]);
    CHECK(same);
  }
}

TEST_CASE("packed_conv: the same bits on every number of threads", "[kernels][conv][tsan]") {
  for (Isa isa : isas()) {
    for (const auto& c :
         {PackedCase(square(2, 40, 21, 18, 70, 3, 1, 1), 0), PackedCase(square(2, 40, 21, 18, 70, 3, 1, 1), 0, 2),
          PackedCase(square(2, 40, 21, 18, 70, 3, 1, 1), 0, 4), PackedCase(square(1, 200, 9, 10, 150, 3, 1, 1), 0, 4),
          PackedCase(square(1, 600, 3, 5, 260, 1, 1, 0), 0),
          PackedCase(each_channel(square(2, 70, 30, 40, 70, 3, 1, 1)), 0)}) {
      Values one, y;
      for (int threads : {1, 2, 3, 8}) {
        const Setting setting(isa, threads);
        CHECK(c.run(y, true, true));
        if (threads == 1) one = y;
        CAPTURE(name(isa), threads, c.winograd, c.s.c);
        CHECK(y == one);
      }
    }
  }
}

TEST_CASE("packed_conv: what is not finite goes where it belongs, or is declined", "[kernels][conv]") {
  for (Isa isa : isas()) {
    const Setting setting(isa);
    for (float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 3e37F}) {
      PackedCase c(square(2, 6, 12, 13, 18, 3, 1, 1), 0);
      c.x[c.x.size() / 2 + 5] = value;
      Values y;
      for (int tile : {2, 4}) {
        c.winograd = tile;
        CHECK_FALSE(c.run(y, false, false));
      }
      c.winograd = 0;
      const auto want = c.wanted<float>(false, false);
      REQUIRE(c.run(y, false, false));
      bool same = true;
      for (std::size_t i = 0; i < y.size(); ++i)
        same = same && (std::isfinite(want[i]) ? std::abs(y[i] - want[i]) <= 1e-5F * (1 + std::abs(want[i]))
                        : std::isnan(want[i])  ? std::isnan(y[i])
                                               : y[i] == want[i]);
      CHECK(same);
      REQUIRE(c.run(y, false, true));  // bounds leave what is not a number
      CHECK(std::any_of(y.begin(), y.end(), [](float v) { return std::isnan(v); }) == std::isnan(value));
    }
  }
}

TEST_CASE("packed_max_pool: the pool of planes", "[kernels][pool]") {
  for (Isa isa : isas()) {
    const Setting setting(isa);
    for (Size c : {1, 7, 16, 21}) {
      PoolShape s{2 * c, 9, 12, 3, 2, 2, 1, 1, 1, 1, 2, 5, 12};
      auto x = random_vector<float>(2 * c * 9 * 12, 5);
      x[40] = std::numeric_limits<float>::quiet_NaN();
      const auto in = by_pixels(x, 2, c, 9 * 12, c + 3);
      Values want(static_cast<std::size_t>(2 * c * s.oh * s.ow)), y(want.size());
      std::vector<std::int32_t> index(want.size());
      max_pool_forward(s, x.data(), want.data(), index.data());
      packed_max_pool<float>({s, c, in.data(), c + 3, y.data()});
      const auto expected = by_pixels(want, 2, c, s.oh * s.ow, c);
      bool same = true;
      for (std::size_t i = 0; i < y.size(); ++i)
        same = same && (y[i] == expected[i] || (std::isnan(y[i]) && std::isnan(expected[i])));
      CAPTURE(name(isa), c);
      CHECK(same);
    }
  }
}
