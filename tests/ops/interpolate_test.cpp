#include "shunt/ops/interpolate.hpp"

#include "shunt/tensor.hpp"
#include "support/check_op.hpp"

using namespace shunt;

namespace {

using Size = std::int64_t;
using List = std::vector<Tensor<double>>;

// Every result by the definition of its own position.
Tensor<double> interpolate_naively(const Tensor<double>& x, Pair size, const InterpolateOptions& o) {
  const Size h = x.size(2), w = x.size(3);
  auto y = Tensor<double>::empty({x.size(0), x.size(1), size.h, size.w});
  const auto position = [&](Size i, Size in, Size out, double factor) {
    const double scale = factor > 0 ? 1 / factor : static_cast<double>(in) / static_cast<double>(out);
    if (o.mode == "nearest") return std::min(std::floor(static_cast<double>(i) * scale), static_cast<double>(in - 1));
    if (o.align_corners) return out > 1 ? static_cast<double>(i * (in - 1)) / static_cast<double>(out - 1) : 0;
    return std::clamp((static_cast<double>(i) + 0.5) * scale - 0.5, 0.0, static_cast<double>(in - 1));
  };
  for (Size p = 0; p < x.size(0) * x.size(1); ++p)
    for (Size i = 0; i < size.h; ++i)
      for (Size j = 0; j < size.w; ++j) {
        const double at_y = position(i, h, size.h, o.scale_factor.h), at_x = position(j, w, size.w, o.scale_factor.w);
        double sum = 0;
        for (Size r = 0; r < h; ++r)
          for (Size q = 0; q < w; ++q)
            sum += std::max(0.0, 1 - std::abs(at_y - static_cast<double>(r))) *
                   std::max(0.0, 1 - std::abs(at_x - static_cast<double>(q))) * x.data()[(p * h + r) * w + q];
        y.data()[(p * size.h + i) * size.w + j] = sum;
      }
  return y;
}

}  // namespace

TEST_CASE("interpolate: value and gradients", "[ops][interpolate]") {
  struct Row {
    Shape x;
    InterpolateOptions options;
    Pair y;
  };
  const auto row = GENERATE(values<Row>({
      {{2, 3, 4, 5}, {.scale_factor = 2}, {8, 10}},
      {{1, 2, 5, 7}, {.size = {3, 9}}, {3, 9}},
      {{1, 2, 5, 7}, {.scale_factor = {1.5, 0.6}}, {7, 4}},
      {{1, 2, 2, 13}, {.scale_factor = {1.2, 0.779}}, {2, 10}},  // as many rows as before, and not the same ones
      {{2, 3, 4, 5}, {.scale_factor = 2, .mode = "bilinear"}, {8, 10}},
      {{1, 2, 5, 7}, {.size = {3, 9}, .mode = "bilinear"}, {3, 9}},
      {{1, 2, 5, 7}, {.size = {9, 3}, .mode = "bilinear", .align_corners = true}, {9, 3}},
      {{1, 2, 5, 40}, {.size = {1, 40}, .mode = "bilinear", .align_corners = true}, {1, 40}},
      {{1, 2, 5, 7}, {.scale_factor = {1.5, 0.6}, .mode = "bilinear"}, {7, 4}},
      {{1, 1, 1, 1}, {.size = {2, 3}, .mode = "bilinear"}, {2, 3}},
      {{0, 2, 3, 3}, {.size = 5, .mode = "bilinear"}, 5},
      {{0, 2, 3, 3}, {.size = 5}, 5},
  }));
  CAPTURE(to_string(row.x), to_string(row.y), row.options.mode.name());
  check_op("interpolate", [&](const auto& x) { return interpolate(x[0], row.options); }, {row.x},
           {.oracle = [&](const List& x) { return interpolate_naively(x[0], row.y, row.options); }});
}

TEST_CASE("interpolate: nearest repeats pixels, aligned corners stay", "[ops][interpolate]") {
  const auto x = tensor({{1, 2}, {3, 4}}).reshape({1, 1, 2, 2});
  CHECK(interpolate(x, {.scale_factor = 2}).to_vector() ==
        std::vector<float>{1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4});
  CHECK(interpolate(x, {.size = 3, .mode = "bilinear", .align_corners = true}).to_vector() ==
        std::vector<float>{1, 1.5, 2, 2, 2.5, 3, 3, 3.5, 4});
  CHECK(interpolate(x, {.size = {1, 4}, .mode = "bilinear"}).to_vector() == std::vector<float>{2, 2.25, 2.75, 3});
}

TEST_CASE("interpolate: errors", "[ops][interpolate]") {
  const auto x = ones({1, 1, 2, 2});
  CHECK_THROWS_AS(interpolate(x, {}), ValueError);
  CHECK_THROWS_AS(interpolate(x, {.size = 2, .scale_factor = 2}), ValueError);
  CHECK_THROWS_AS(interpolate(x, {.size = 2, .align_corners = true}), ValueError);
  CHECK_THROWS_AS(interpolate(x, {.scale_factor = {2, -1}}), ValueError);
  CHECK_THROWS_AS(interpolate(x, {.scale_factor = 0.25}), ShapeError);
  CHECK_THROWS_AS(interpolate(ones({2, 2, 2}), {.size = 2}), ShapeError);
  CHECK_THROWS_AS(interpolate(ones({1, 1, 0, 2}), {.size = 2}), ShapeError);
}
