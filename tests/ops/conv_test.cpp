#include "shunt/ops/conv.hpp"

#include "shunt/tensor.hpp"
#include "support/check_op.hpp"

using namespace shunt;

namespace {

using Size = std::int64_t;
using List = std::vector<Tensor<double>>;

// The definition: seven loops over (n, k, oy, ox, c, r, q), f(position in x, position in w) for every term.
struct Loops {
  Shape x, w;  // of rank 4
  Conv2dOptions o;
  Size oh, ow;
  template <class F>
  void run(const F& f) const {
    for (Size i = 0; i < x[0] * w[0] * oh * ow; ++i) {
      const Size ox = i % ow, oy = i / ow % oh, k = i / (ow * oh) % w[0], n = i / (ow * oh * w[0]);
      for (Size c = 0; c < w[1]; ++c)
        for (Size r = 0; r < w[2]; ++r)
          for (Size q = 0; q < w[3]; ++q) {
            const Size iy = oy * o.stride.h - o.padding.h + r * o.dilation.h;
            const Size ix = ox * o.stride.w - o.padding.w + q * o.dilation.w;
            const Size channel = k / (w[0] / o.groups) * w[1] + c;
            if (iy >= 0 && iy < x[2] && ix >= 0 && ix < x[3])
              f(i, ((n * x[1] + channel) * x[2] + iy) * x[3] + ix, ((k * w[1] + c) * w[2] + r) * w[3] + q);
          }
    }
  }
};

Tensor<double> conv_oracle(const List& in, const Conv2dOptions& o) {
  const bool batched = in[0].rank() == 4;
  const auto x = batched ? in[0] : in[0].unsqueeze(0);
  const auto& w = in[1].shape();
  const auto size = [](Size n, Size kernel, Size stride, Size padding, Size dilation) {
    return (n + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
  };
  const Loops loops{x.shape(), w, o, size(x.size(2), w[2], o.stride.h, o.padding.h, o.dilation.h),
                    size(x.size(3), w[3], o.stride.w, o.padding.w, o.dilation.w)};
  auto y = zeros<double>({x.size(0), w[0], loops.oh, loops.ow});
  loops.run([&](Size to, Size from, Size at) { y.data()[to] += x.data()[from] * in[1].data()[at]; });
  if (in.size() > 2) y = y + in[2].reshape({-1, 1, 1});
  return batched ? y : y.squeeze(0);
}
// Its transpose: the terms scattered from the result's places to the input's.
Tensor<double> transpose_oracle(const List& in, const ConvTranspose2dOptions& o) {
  const bool batched = in[0].rank() == 4;
  const auto x = batched ? in[0] : in[0].unsqueeze(0);
  const auto size = [](Size n, Size kernel, Size stride, Size padding, Size dilation, Size extra) {
    return (n - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1;
  };
  const Shape w = in[1].shape();
  auto y = zeros<double>({x.size(0), w[1] * o.groups,
                          size(x.size(2), w[2], o.stride.h, o.padding.h, o.dilation.h, o.output_padding.h),
                          size(x.size(3), w[3], o.stride.w, o.padding.w, o.dilation.w, o.output_padding.w)});
  const Loops loops{y.shape(), w, {o.stride, o.padding, o.dilation, o.groups}, x.size(2), x.size(3)};
  loops.run([&](Size from, Size to, Size at) { y.data()[to] += x.data()[from] * in[1].data()[at]; });
  if (in.size() > 2) y = y + in[2].reshape({-1, 1, 1});
  return batched ? y : y.squeeze(0);
}

}  // namespace

TEST_CASE("conv2d: value and gradients", "[ops][conv]") {
  struct Row {
    Shape x, w;
    Conv2dOptions o;
  };
  const auto row = GENERATE(values<Row>({
      {{2, 3, 5, 4}, {4, 3, 3, 3}, {}},
      {{2, 3, 5, 7}, {2, 3, 3, 3}, {.stride = 2, .padding = 1}},
      {{3, 5, 4}, {2, 3, 1, 1}, {}},                                                            // unbatched, 1x1
      {{1, 2, 7, 7}, {3, 2, 2, 2}, {.stride = 3}},                                              // stride > kernel: gaps
      {{1, 2, 9, 8}, {3, 2, 3, 2}, {.stride = {2, 1}, .padding = {3, 2}, .dilation = {2, 3}}},  // pad > kernel / 2
      {{2, 4, 5, 5}, {6, 2, 3, 3}, {.padding = 1, .groups = 2}},
      {{1, 3, 6, 5}, {3, 1, 3, 3}, {.stride = 2, .padding = 1, .groups = 3}},  // depthwise
      {{1, 2, 3, 3}, {2, 2, 3, 3}, {.padding = 4}},                            // windows that see nothing
      {{0, 2, 4, 4}, {3, 2, 3, 3}, {.padding = 1}},
      {{2, 2, 4, 4}, {0, 2, 3, 3}, {}},
  }));
  CAPTURE(to_string(row.x), to_string(row.w));
  const auto oracle = [&](const List& x) { return conv_oracle(x, row.o); };
  check_op("conv2d", [&](const auto& x) { return conv2d(x[0], x[1], x[2], row.o); }, {row.x, row.w, {row.w[0]}},
           {.oracle = oracle});
  check_op("conv2d", [&](const auto& x) { return conv2d(x[0], x[1], {}, row.o); }, {row.x, row.w}, {.oracle = oracle});
}

TEST_CASE("convolutions onto a skip: it is added, and gets the gradient as it is", "[ops][conv]") {
  check_op("conv2d", [](const auto& x) { return conv2d_onto(x[3], x[0], x[1], x[2], {.padding = 1}); },
           {{2, 3, 4, 5}, {3, 3, 3, 3}, {3}, {2, 3, 4, 5}}, {.oracle = [](const List& x) {
             return conv_oracle({x[0], x[1], x[2]}, {.padding = 1}) + x[3];
           }});
  check_op("conv1d", [](const auto& x) { return conv1d_onto(x[3], x[0], x[1], x[2]); },
           {{2, 3, 5}, {4, 3, 3}, {4}, {2, 4, 3}});
  const auto x = randn({1, 2, 4, 4}), w = randn({3, 2, 3, 3});
  CHECK_THROWS_AS(conv2d_onto(x, x, w), ShapeError);
  CHECK_THROWS_AS(conv2d_onto(ones({1, 1, 2, 2}), x, w), ShapeError);  // a skip is never broadcast
}

TEST_CASE("conv2d: in one pass and in two it gives the same gradients of x", "[ops][conv]") {
  // y = x + conv(x): the identity path's gradient is in the slot before the convolution adds to it.
  const auto w = randn<double>({2, 2, 3, 3});
  const auto x = randn<double>({2, 2, 5, 5}).requires_grad();
  const auto fused = grad(conv2d_onto(x, x, w, {}, {.padding = 1}).sum(), {x})[0];
  const auto composed = grad((x + conv2d(x, w, {}, {.padding = 1})).sum(), {x})[0];
  CHECK(amax(abs(fused - composed)).item() == 0);
}

TEST_CASE("conv1d: value and gradients", "[ops][conv]") {
  struct Row {
    Shape x, w;
    Conv1dOptions o;
  };
  const auto row = GENERATE(values<Row>({
      {{2, 3, 9}, {4, 3, 3}, {}},
      {{3, 8}, {2, 3, 2}, {.stride = 3}},
      {{2, 4, 11}, {6, 2, 3}, {.stride = 2, .padding = 3, .dilation = 2, .groups = 2}},
      {{0, 2, 4}, {3, 2, 3}, {.padding = 1}},
  }));
  CAPTURE(to_string(row.x), to_string(row.w));
  check_op("conv1d", [&](const auto& x) { return conv1d(x[0], x[1], x[2], row.o); }, {row.x, row.w, {row.w[0]}},
           {.oracle = [&](const List& x) {
             return conv_oracle({x[0].unsqueeze(-2), x[1].unsqueeze(-2), x[2]},
                                {{1, row.o.stride}, {0, row.o.padding}, {1, row.o.dilation}, row.o.groups})
                 .squeeze(-2);
           }});
}

TEST_CASE("conv_transpose2d: value and gradients", "[ops][conv]") {
  struct Row {
    Shape x, w;
    ConvTranspose2dOptions o;
  };
  const auto row = GENERATE(values<Row>({
      {{2, 3, 4, 3}, {3, 2, 3, 3}, {}},
      {{1, 2, 3, 4}, {2, 3, 2, 2}, {.stride = 2}},
      {{2, 3, 4}, {2, 3, 3, 3}, {.stride = 2, .padding = 1, .output_padding = 1}},
      {{1, 4, 3, 3}, {4, 1, 3, 2}, {.stride = {3, 1}, .padding = {2, 1}, .groups = 2, .dilation = {2, 3}}},
      {{1, 2, 2, 3}, {2, 1, 2, 3}, {.stride = 1, .output_padding = {1, 2}, .dilation = {2, 3}}},
      {{1, 1, 2, 2}, {1, 1, 1, 1}, {.stride = 3, .output_padding = 2}},  // places that nothing reaches
      {{0, 2, 3, 3}, {2, 3, 2, 2}, {.stride = 2}},
  }));
  CAPTURE(to_string(row.x), to_string(row.w));
  const auto oracle = [&](const List& x) { return transpose_oracle(x, row.o); };
  check_op("conv_transpose2d", [&](const auto& x) { return conv_transpose2d(x[0], x[1], x[2], row.o); },
           {row.x, row.w, {row.w[1] * row.o.groups}}, {.oracle = oracle});
  check_op("conv_transpose2d", [&](const auto& x) { return conv_transpose2d(x[0], x[1], {}, row.o); }, {row.x, row.w},
           {.oracle = oracle});
}

TEST_CASE("conv_transpose2d: takes conv2d's result back to its input's shape", "[ops][conv]") {
  const auto x = randn<double>({2, 3, 9, 8}), w = randn<double>({4, 3, 3, 3});
  const auto y = conv2d(x, w, {}, {.stride = 2, .padding = 1});
  const auto back = conv_transpose2d(y, w, {}, {.stride = 2, .padding = 1, .output_padding = {0, 1}});
  CHECK(back.shape() == x.shape());
  CHECK(std::abs(sum(back * x).item() - sum(y * y).item()) < 1e-9);  // <A^T y, x> = <y, A x>
}

TEST_CASE("convolutions: bfloat16 agrees with float to its precision", "[ops][conv]") {
  const auto x = randn({2, 8, 6, 6}), w = randn({4, 8, 3, 3});
  const auto y = conv2d(x.to<bfloat16>(), w.to<bfloat16>(), {}, {.padding = 1}).to<float>();
  const auto exact = conv2d(x.to<bfloat16>().to<float>(), w.to<bfloat16>().to<float>(), {}, {.padding = 1});
  CHECK(amax(abs(y - exact) / (abs(exact) + 1)).item() < 0.005f);
}

TEST_CASE("convolutions: errors name the operation and every size", "[ops][conv]") {
  const auto x = ones({1, 4, 5, 6});
  CHECK_THROWS_AS(conv2d(ones({4, 4}), ones({2, 4, 3, 3})), ShapeError);
  CHECK_THROWS_AS(conv2d(x, ones({4, 3, 3})), ShapeError);
  CHECK_THROWS_AS(conv2d(x, ones({3, 2, 3, 3}), {}, {.groups = 2}), ShapeError);
  CHECK_THROWS_AS(conv2d(x, ones({2, 4, 3, 3}), {}, {.groups = 0}), ShapeError);
  CHECK_THROWS_AS(conv2d(x, ones({2, 4, 3, 3}), ones({3})), ShapeError);
  CHECK_THROWS_AS(conv2d(x, ones({2, 4, 3, 3}), {}, {.stride = 0}), ValueError);
  CHECK_THROWS_AS(conv2d(x, ones({2, 4, 3, 3}), {}, {.padding = {0, -1}}), ValueError);
  CHECK_THROWS_AS(conv2d(x, ones({2, 4, 3, 3}), {}, {.dilation = {3, 1}}), ShapeError);
  CHECK_THROWS_AS(conv1d(x, ones({2, 4, 3})), ShapeError);
  CHECK_THROWS_AS(conv_transpose2d(x, ones({3, 2, 3, 3})), ShapeError);
  CHECK_THROWS_AS(conv_transpose2d(x, ones({4, 2, 3, 3}), {}, {.output_padding = 1}), ValueError);
  CHECK_THROWS_AS(conv_transpose2d(x, ones({4, 2, 1, 1}), {}, {.padding = 3}), ShapeError);
  CHECK_THROWS_WITH(conv2d(x, ones({2, 3, 3, 3})),
                    "conv2d: weight (2, 3, 3, 3) with groups = 1 wants 3 channels, got "
                    "input (1, 4, 5, 6)");
  CHECK_THROWS_WITH(conv2d(x, ones({2, 4, 7, 3})),
                    "conv2d: a window of 7 does not fit into 5 + 2 * 0 places, input "
                    "(1, 4, 5, 6), weight (2, 4, 7, 3)");
}
