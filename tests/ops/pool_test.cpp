#include "shunt/ops/pool.hpp"

#include "shunt/tensor.hpp"
#include "support/check_op.hpp"
#include "support/extremes.hpp"

using namespace shunt;

namespace {

using Size = std::int64_t;
using List = std::vector<Tensor<double>>;

// The definitions, window by window, on (planes, h, w).
template <class F>
Tensor<double> by_window(const Tensor<double>& x, const Shape& shape, const F& value) {
  auto y = Tensor<double>::empty(shape);
  const Size h = x.size(-2), w = x.size(-1), oh = y.size(-2), ow = y.size(-1);
  for (Size i = 0; i < y.numel(); ++i) y.data()[i] = value(x.data() + i / (oh * ow) * h * w, i / ow % oh, i % ow);
  return y;
}
Tensor<double> max_oracle(const Tensor<double>& x, const Shape& shape, Pair k, const MaxPool2dOptions& o) {
  return by_window(x, shape, [&](const double* plane, Size oy, Size ox) {
    double best = -infinity;
    for (Size r = 0; r < k.h; ++r)
      for (Size q = 0; q < k.w; ++q) {
        const Size iy = oy * o.stride.h - o.padding.h + r * o.dilation.h;
        const Size ix = ox * o.stride.w - o.padding.w + q * o.dilation.w;
        if (iy >= 0 && iy < x.size(-2) && ix >= 0 && ix < x.size(-1))
          best = std::max(best, plane[iy * x.size(-1) + ix]);
      }
    return best;
  });
}
Tensor<double> avg_oracle(const Tensor<double>& x, const Shape& shape, Pair k, const AvgPool2dOptions& o) {
  return by_window(x, shape, [&](const double* plane, Size oy, Size ox) {
    double sum = 0, count = 0;
    for (Size r = 0; r < k.h; ++r)
      for (Size q = 0; q < k.w; ++q) {
        const Size iy = oy * o.stride.h - o.padding.h + r, ix = ox * o.stride.w - o.padding.w + q;
        const bool inside = iy >= 0 && iy < x.size(-2) && ix >= 0 && ix < x.size(-1);
        const bool padded = iy < x.size(-2) + o.padding.h && ix < x.size(-1) + o.padding.w;
        if (inside) sum += plane[iy * x.size(-1) + ix];
        if (inside || (padded && o.count_include_pad)) count += 1;
      }
    return count > 0 ? sum / count : 0;
  });
}

}  // namespace

TEST_CASE("max_pool2d: value and gradients", "[ops][pool]") {
  struct Row {
    Shape x;
    Pair kernel;
    MaxPool2dOptions options;
    Shape y;
  };
  const auto row = GENERATE(values<Row>({
      {{2, 3, 4, 6}, 2, {.stride = 2}, {2, 3, 2, 3}},
      {{1, 2, 7, 5}, 3, {.stride = 2, .padding = 1}, {1, 2, 4, 3}},
      {{3, 5, 7}, {2, 3}, {.stride = {1, 2}}, {3, 4, 3}},
      {{1, 1, 9, 8}, 2, {.stride = 4}, {1, 1, 2, 2}},
      {{1, 2, 7, 9}, {3, 2}, {.stride = 1, .padding = {1, 1}, .dilation = {2, 3}}, {1, 2, 5, 8}},
      {{1, 1, 5, 6}, 2, {.stride = 2, .ceil_mode = true}, {1, 1, 3, 3}},
      {{1, 1, 6, 5}, 3, {.stride = 3, .padding = 1, .ceil_mode = true}, {1, 1, 3, 2}},
      {{0, 2, 4, 4}, 2, {.stride = 2}, {0, 2, 2, 2}},
      {{1, 1, 3, 70}, 3, {.stride = {3, 1}, .padding = 1}, {1, 1, 1, 70}},
      {{1, 1, 3, 141}, 3, {.stride = 2, .padding = 1}, {1, 1, 2, 71}},
      {{1, 1, 2, 100}, {1, 5}, {.stride = {1, 3}}, {1, 1, 2, 32}},
  }));
  CAPTURE(to_string(row.x), to_string(row.kernel));
  check_op("max_pool2d", [&](const auto& x) { return max_pool2d(x[0], row.kernel, row.options); }, {row.x},
           {.draw = draw::distinct, .expanded = false, .oracle = [&](const List& x) {
              return max_oracle(x[0], row.y, row.kernel, row.options);
            }});
}

TEST_CASE("max_pool2d: the first of equals takes the gradient, a NaN is never lost, padding never wins",
          "[ops][pool]") {
  const auto x = full({1, 1, 4, 4}, -7).requires_grad();
  const auto y = max_pool2d(x, 3, {.stride = 2, .padding = 1});
  CHECK(y.to_vector() == std::vector<float>{-7, -7, -7, -7});
  y.sum().backward();
  CHECK(x.grad().to_vector() == std::vector<float>{1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});

  auto with_nan = arange(4).reshape({1, 2, 2});
  with_nan.data()[1] = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(max_pool2d(with_nan, 2).item()));

  const auto lowest = full({1, 2, 2}, -infinity).requires_grad();
  const auto z = max_pool2d(lowest, 2);
  CHECK(z.item() == -std::numeric_limits<float>::infinity());
  z.backward();
  CHECK(lowest.grad().to_vector() == std::vector<float>{1, 0, 0, 0});
}

TEST_CASE("avg_pool2d: value and gradients", "[ops][pool]") {
  struct Row {
    Shape x;
    Pair kernel;
    AvgPool2dOptions options;
    Shape y;
  };
  const auto row = GENERATE(values<Row>({
      {{2, 3, 4, 6}, 2, {.stride = 2}, {2, 3, 2, 3}},
      {{1, 2, 7, 5}, 3, {.stride = 2, .padding = 1}, {1, 2, 4, 3}},
      {{1, 2, 7, 5}, 3, {.stride = 2, .padding = 1, .count_include_pad = false}, {1, 2, 4, 3}},
      {{3, 5, 7}, {2, 3}, {.stride = {1, 2}}, {3, 4, 3}},
      {{1, 1, 9, 8}, 2, {.stride = 4}, {1, 1, 2, 2}},
      {{1, 1, 5, 6}, 3, {.stride = 2, .padding = 1, .ceil_mode = true}, {1, 1, 3, 4}},
      {{1, 1, 5, 6}, 3, {.stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false}, {1, 1, 3, 4}},
      {{0, 2, 4, 4}, 2, {.stride = 2}, {0, 2, 2, 2}},
      {{1, 1, 3, 70}, 3, {.stride = {3, 1}, .padding = 1}, {1, 1, 1, 70}},
  }));
  CAPTURE(to_string(row.x), to_string(row.kernel));
  check_op("avg_pool2d", [&](const auto& x) { return avg_pool2d(x[0], row.kernel, row.options); }, {row.x},
           {.oracle = [&](const List& x) { return avg_oracle(x[0], row.y, row.kernel, row.options); }});
}

TEST_CASE("adaptive_avg_pool2d: value and gradients", "[ops][pool]") {
  const auto row = GENERATE(table<Shape, Pair>({
      {{2, 3, 4, 6}, 1},
      {{2, 5, 7}, {2, 3}},
      {{1, 2, 3, 4}, {5, 4}},  // parts overlap
      {{0, 2, 3, 3}, 2},
  }));
  const Shape& shape = std::get<0>(row);
  const Pair parts = std::get<1>(row);
  CAPTURE(to_string(shape), to_string(parts));
  check_op("adaptive_avg_pool2d", [&](const auto& x) { return adaptive_avg_pool2d(x[0], parts); }, {shape},
           {.oracle = [&](const List& x) {
             Shape y = shape;
             y[y.rank() - 2] = parts.h;
             y[y.rank() - 1] = parts.w;
             const Size h = x[0].size(-2), w = x[0].size(-1);
             return by_window(x[0], y, [&](const double* plane, Size oy, Size ox) {
               double sum = 0, count = 0;
               for (Size iy = oy * h / parts.h; iy * parts.h < (oy + 1) * h; ++iy)
                 for (Size ix = ox * w / parts.w; ix * parts.w < (ox + 1) * w; ++ix, ++count) sum += plane[iy * w + ix];
               return sum / count;
             });
           }});
}

TEST_CASE("adaptive_avg_pool2d: one part is the mean of the plane", "[ops][pool]") {
  const auto x = randn<double>({3, 4, 7, 6});
  CHECK(amax(abs(adaptive_avg_pool2d(x, 1) - mean(x, {2, 3}, true))).item() < 1e-14);
}

TEST_CASE("pooling: bfloat16 is averaged in float and rounded once", "[ops][pool]") {
  const auto x = ones<bfloat16>({1, 30, 30}).requires_grad();
  const auto y = avg_pool2d(x, 30);
  CHECK(static_cast<float>(y.item()) == 1.0f);  // a sum in bfloat16 would stick at 256
  const auto wide = full<bfloat16>({1, 1, 600}, 1).requires_grad();
  avg_pool2d(wide, {1, 300}, {.stride = 1}).sum().backward();
  CHECK(std::abs(static_cast<float>(wide.grad().at({0, 0, 300})) - 1.0f) < 0.01f);
}

TEST_CASE("max_pool2d: takes bfloat16 as it is", "[ops][pool]") {
  const auto x = randn<bfloat16>({2, 9, 7}).requires_grad();
  const auto y = max_pool2d(x, 3, {.stride = 2, .padding = 1});
  CHECK(y.to<float>().to_vector() == max_pool2d(x.to<float>(), 3, {.stride = 2, .padding = 1}).to_vector());
  y.sum().backward();
  CHECK(static_cast<double>(x.grad().to<float>().sum().item()) == static_cast<double>(y.numel()));
}

TEST_CASE("pooling: results are the same bits on any number of threads", "[ops][pool]") {
  const auto run = [](int threads) {
    const int before = num_threads();
    set_num_threads(threads);
    manual_seed(3);
    const auto x = randn({4, 16, 31, 33}).requires_grad();
    const auto y = max_pool2d(x, 3, {.stride = 2, .padding = 1}), z = avg_pool2d(x, 3, {.stride = 2, .padding = 1});
    (y * z).sum().backward();
    set_num_threads(before);
    return x.grad().to_vector();
  };
  CHECK(run(1) == run(4));
}

TEST_CASE("pooling: errors name the operation and the sizes", "[ops][pool]") {
  const auto x = ones({1, 2, 3, 4});
  CHECK_THROWS_AS(max_pool2d(ones({3, 4}), 2), ShapeError);
  CHECK_THROWS_AS(max_pool2d(x, 2, {.padding = {2, 0}}), ValueError);
  CHECK_THROWS_AS(max_pool2d(x, 2, {.padding = {0, 2}}), ValueError);
  CHECK_THROWS_AS(avg_pool2d(x, 0), ValueError);
  CHECK_THROWS_AS(avg_pool2d(x, 2, {.stride = {1, -1}}), ValueError);
  CHECK_THROWS_AS(adaptive_avg_pool2d(x, {0, 1}), ValueError);
  CHECK_THROWS_AS(adaptive_avg_pool2d(ones({1, 2, 0, 4}), 1), ShapeError);
  CHECK_THROWS_WITH(max_pool2d(x, 4), Catch::Contains("max_pool2d: a window of 4 does not fit into 3") &&
                                          Catch::Contains("(1, 2, 3, 4)"));
}
