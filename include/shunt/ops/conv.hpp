// Convolutions over one or two dimensions, and the transposed one that undoes their shapes.
#pragma once

#include "shunt/core/pair.hpp"
#include "shunt/kernels/conv.hpp"
#include "shunt/ops/flops.hpp"
#include "shunt/ops/skip.hpp"
#include "shunt/ops/view.hpp"

namespace shunt {

struct Conv1dOptions {
  std::int64_t stride = 1, padding = 0, dilation = 1;
  std::int64_t groups = 1;  ///< Channels fall into so many groups that do not see each other.
};
struct Conv2dOptions {
  Pair stride = 1, padding = 0, dilation = 1;
  std::int64_t groups = 1;  ///< Channels fall into so many groups that do not see each other.
};
struct ConvTranspose2dOptions {
  Pair stride = 1, padding = 0;
  Pair output_padding = 0;  ///< Rows and columns added below and right; less than stride or dilation.
  std::int64_t groups = 1;
  Pair dilation = 1;
};

namespace detail {

inline void check_window(const char* op, const Pair& kernel, const Pair& stride, const Pair& padding,
                         const Pair& dilation) {
  if (kernel.h < 1 || kernel.w < 1 || stride.h < 1 || stride.w < 1 || padding.h < 0 || padding.w < 0 ||
      dilation.h < 1 || dilation.w < 1)
    raise<ValueError>(op, ": kernel ", kernel, ", stride ", stride, " and dilation ", dilation,
                      " must be positive, padding ", padding, " not negative");
}

/// What a convolution of `dims` spatial dimensions accepts; `from` is the channel dimension of w that x's must match.
inline void check_conv(const char* op, int dims, const Shape& x, const Shape& w, const Shape* b, std::int64_t groups,
                       bool transposed) {
  if (w.rank() != dims + 2 || (x.rank() != dims + 1 && x.rank() != dims + 2))
    raise<ShapeError>(op, ": input must have ", dims + 1, " or ", dims + 2, " dimensions and weight ", dims + 2,
                      ", got ", x, " and ", w);
  const std::int64_t channels = x[x.rank() - dims - 1], out = transposed ? w[1] * groups : w[0];
  if (groups < 1 || channels % groups != 0 || w[0] % groups != 0)
    raise<ShapeError>(op, ": ", groups, " groups do not divide the channels of input ", x, " and weight ", w);
  const std::int64_t wanted = transposed ? w[0] : w[1] * groups;
  if (channels != wanted)
    raise<ShapeError>(op, ": weight ", w, " with groups = ", groups, " wants ", wanted, " channels, got input ", x);
  if (b != nullptr && *b != Shape{out}) raise<ShapeError>(op, ": bias must be (", out, ",), got ", *b);
}

/// Where a window of `kernel` taps fits into `in` padded places; ShapeError if nowhere.
inline std::int64_t conv_size(const char* op, const Shape& x, const Shape& w, std::int64_t in, std::int64_t kernel,
                              std::int64_t stride, std::int64_t padding, std::int64_t dilation) {
  const std::int64_t room = in + 2 * padding - dilation * (kernel - 1) - 1;
  if (room < 0)
    raise<ShapeError>(op, ": a window of ", dilation * (kernel - 1) + 1, " does not fit into ", in, " + 2 * ", padding,
                      " places, input ", x, ", weight ", w);
  return room / stride + 1;
}

/// The shape of the result: that of x with other channels and spatial sizes.
inline Shape conv_result(const Shape& x, int dims, std::int64_t channels, const Pair& size) {
  Shape y = x;
  const int r = x.rank();
  y[r - dims - 1] = channels;
  if (dims == 2) y[r - 2] = size.h;
  y[r - 1] = size.w;
  return y;
}

inline kernels::ConvShape conv_shape(const char* op, int dims, const Shape& x, const Shape& w, const Conv2dOptions& o) {
  const int r = x.rank();
  const Pair in = dims == 2 ? Pair(x[r - 2], x[r - 1]) : Pair(1, x[r - 1]);
  const Pair kernel = dims == 2 ? Pair(w[2], w[3]) : Pair(1, w[2]);
  check_window(op, kernel, o.stride, o.padding, o.dilation);
  return {r == dims + 2 ? x[0] : 1,
          x[r - dims - 1],
          in.h,
          in.w,
          w[0],
          kernel.h,
          kernel.w,
          o.stride.h,
          o.stride.w,
          o.padding.h,
          o.padding.w,
          o.dilation.h,
          o.dilation.w,
          o.groups,
          conv_size(op, x, w, in.h, kernel.h, o.stride.h, o.padding.h, o.dilation.h),
          conv_size(op, x, w, in.w, kernel.w, o.stride.w, o.padding.w, o.dilation.w)};
}

/// Adds g, summed over all but its channels, to slot i.
template <Scalar T>
void add_bias_gradient(Slots<T>& into, std::size_t i, const Tensor<T>& g, int dims) {
  if (!into.wants(i)) return;
  auto [db, accumulate] = into.target(i);
  const Shape shape = dims == 2 ? Shape{db.numel(), 1, 1} : Shape{db.numel(), 1};
  reduce_into(kernels::Sum<T>{}, accumulate, db.alias(db.data(), shape, dense_strides(shape)), g);
}

template <Scalar T>
Tensor<T> conv_onto(const char* op, int dims, const Tensor<T>& base, const Tensor<T>& x, const Tensor<T>& w,
                    const Tensor<T>& b, const Conv2dOptions& o) {
  check_conv(op, dims, x.shape(), w.shape(), b.defined() ? &b.shape() : nullptr, o.groups, false);
  const auto s = conv_shape(op, dims, x.shape(), w.shape(), o);
  const Shape shape = conv_result(x.shape(), dims, s.k, {s.oh, s.ow});
  if (base.defined()) check_skip(base.shape(), shape);

  const auto xs = dense(x), ws = dense(w), bs = b.defined() ? dense(b) : b;
  auto y = base.defined() ? copy_of(base) : Tensor<T>::empty(shape);
  count_multiply_adds(static_cast<double>(y.numel()) * static_cast<double>(w.numel() / std::max<std::int64_t>(s.k, 1)));
  kernels::conv_forward<T>(s, xs.data(), ws.data(), bs.defined() ? bs.data() : nullptr, y.data(), base.defined());
  return record(op, y, {x, w, b, base},
                [s, op, dims, x = save_for(w, xs), w = save_for(x, ws)](const Tensor<T>& upstream, Slots<T>& into) {
                  into.add(3, upstream);
                  const auto g = dense(upstream);
                  if (into.wants(0)) {
                    auto [dx, accumulate] = into.target(0);
                    kernels::conv_backward_data<T>(s, g.data(), w.get(op).data(), dx.data(), accumulate);
                  }
                  if (into.wants(1)) {
                    auto [dw, accumulate] = into.target(1);
                    kernels::conv_backward_weights<T>(s, x.get(op).data(), g.data(), dw.data(), accumulate);
                  }
                  add_bias_gradient(into, 2, g, dims);
                });
}

}  // namespace detail

/// base + conv2d(x, w, b), summed by the kernel; base, unless it holds nothing, has the result's shape.
template <Real T>
Tensor<T> conv2d_onto(const Tensor<T>& base, const Tensor<T>& x, const Tensor<T>& w, const Tensor<T>& b = {},
                      const Conv2dOptions& options = {}) {
  return detail::conv_onto("conv2d", 2, base, x, w, b, options);
}
/// x (n, in, h, w) or (in, h, w), w (out, in / groups, kh, kw), b (out,) or nothing -> (n, out, oh, ow) with
/// oh = (h + 2 padding - dilation (kh - 1) - 1) / stride + 1. A correlation: the kernel is not flipped.
template <Real T>
Tensor<T> conv2d(const Tensor<T>& x, const Tensor<T>& w, const Tensor<std::type_identity_t<T>>& b = {},
                 const Conv2dOptions& options = {}) {
  return conv2d_onto(Tensor<T>(), x, w, b, options);
}
/// base + conv1d(x, w, b), summed by the kernel; base, unless it holds nothing, has the result's shape.
template <Real T>
Tensor<T> conv1d_onto(const Tensor<T>& base, const Tensor<T>& x, const Tensor<T>& w, const Tensor<T>& b = {},
                      const Conv1dOptions& o = {}) {
  return detail::conv_onto("conv1d", 1, base, x, w, b, {{1, o.stride}, {0, o.padding}, {1, o.dilation}, o.groups});
}
/// x (n, in, l) or (in, l), w (out, in / groups, k), b (out,) or nothing -> (n, out, ol), as conv2d().
template <Real T>
Tensor<T> conv1d(const Tensor<T>& x, const Tensor<T>& w, const Tensor<std::type_identity_t<T>>& b = {},
                 const Conv1dOptions& options = {}) {
  return conv1d_onto(Tensor<T>(), x, w, b, options);
}

/// The transpose of conv2d's linear map, which takes its result's shape back to its input's: x (n, in, h, w) or
/// (in, h, w), w (in, out / groups, kh, kw), b (out,) or nothing -> (n, out, oh, ow) with
/// oh = (h - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1.
template <Real T>
Tensor<T> conv_transpose2d(const Tensor<T>& x, const Tensor<T>& w, const Tensor<std::type_identity_t<T>>& b = {},
                           const ConvTranspose2dOptions& o = {}) {
  constexpr const char* op = "conv_transpose2d";
  detail::check_conv(op, 2, x.shape(), w.shape(), b.defined() ? &b.shape() : nullptr, o.groups, true);
  detail::check_window(op, {w.size(2), w.size(3)}, o.stride, o.padding, o.dilation);
  const auto& p = o.output_padding;
  if (p.h < 0 || p.w < 0 || p.h >= std::max(o.stride.h, o.dilation.h) || p.w >= std::max(o.stride.w, o.dilation.w))
    detail::raise<ValueError>(op, ": output_padding ", p, " must be less than stride ", o.stride, " or dilation ",
                              o.dilation);
  const std::int64_t h = x.size(-2), width = x.size(-1), channels = w.size(1) * o.groups;
  const Pair size((h - 1) * o.stride.h - 2 * o.padding.h + o.dilation.h * (w.size(2) - 1) + p.h + 1,
                  (width - 1) * o.stride.w - 2 * o.padding.w + o.dilation.w * (w.size(3) - 1) + p.w + 1);
  if (size.h < 1 || size.w < 1)
    detail::raise<ShapeError>(op, ": input ", x.shape(), " and weight ", w.shape(), " leave a result of ", size.h,
                              " x ", size.w);
  // The convolution that would take the result back to x.
  const kernels::ConvShape s{x.rank() == 4 ? x.size(0) : 1,
                             channels,
                             size.h,
                             size.w,
                             w.size(0),
                             w.size(2),
                             w.size(3),
                             o.stride.h,
                             o.stride.w,
                             o.padding.h,
                             o.padding.w,
                             o.dilation.h,
                             o.dilation.w,
                             o.groups,
                             h,
                             width};
  const auto xs = detail::dense(x), ws = detail::dense(w);
  auto y = Tensor<T>::empty(detail::conv_result(x.shape(), 2, channels, size));
  if (b.defined()) {
    const auto bs = detail::dense(b);
    detail::copy_into(y, bs.alias(bs.data(), {channels, 1, 1}, {1, 0, 0}));
  }
  detail::count_multiply_adds(static_cast<double>(x.numel()) *
                              static_cast<double>(w.numel() / std::max<std::int64_t>(w.size(0), 1)));
  kernels::conv_backward_data<T>(s, xs.data(), ws.data(), y.data(), b.defined());
  return record(op, y, {x, w, b},
                [s, x = save_for(w, xs), w = save_for(x, ws)](const Tensor<T>& upstream, Slots<T>& into) {
                  const auto g = detail::dense(upstream);
                  if (into.wants(0)) {
                    auto [dx, accumulate] = into.target(0);
                    kernels::conv_forward<T>(s, g.data(), w.get(op).data(), nullptr, dx.data(), accumulate);
                  }
                  if (into.wants(1)) {
                    auto [dw, accumulate] = into.target(1);
                    kernels::conv_backward_weights<T>(s, g.data(), x.get(op).data(), dw.data(), accumulate);
                  }
                  detail::add_bias_gradient(into, 2, g, 2);
                });
}

}  // namespace shunt
