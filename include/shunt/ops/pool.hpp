// Pooling over the last two dimensions.
#pragma once

#include "shunt/autograd/record.hpp"
#include "shunt/core/pair.hpp"
#include "shunt/kernels/max_pool.hpp"
#include "shunt/kernels/pool.hpp"

namespace shunt {

struct MaxPool2dOptions {
  Pair stride = 0;  ///< 0: the kernel's size, so that windows do not overlap.
  Pair padding = 0, dilation = 1;
  bool ceil_mode = false;  ///< A last window may reach over the edge.
};
struct AvgPool2dOptions {
  Pair stride = 0;  ///< 0: the kernel's size, so that windows do not overlap.
  Pair padding = 0;
  bool ceil_mode = false;         ///< A last window may reach over the edge.
  bool count_include_pad = true;  ///< Padded zeros count in the mean.
};

namespace detail {

inline void check_image(const char* op, const Shape& x) {
  if (x.rank() != 3 && x.rank() != 4) raise<ShapeError>(op, ": input must be (n, c, h, w) or (c, h, w), got ", x);
}
inline std::int64_t count_planes(const Shape& x) { return Shape(x.begin(), x.end() - 2).numel(); }
inline Shape with_image(Shape x, std::int64_t h, std::int64_t w) {
  x[x.rank() - 2] = h;
  x[x.rank() - 1] = w;
  return x;
}

inline std::int64_t pool_size(const char* op, const Shape& x, std::int64_t in, std::int64_t kernel, std::int64_t stride,
                              std::int64_t padding, std::int64_t dilation, bool ceil_mode) {
  const std::int64_t room = in + 2 * padding - dilation * (kernel - 1) - 1;
  std::int64_t out = room < 0 ? 0 : room / stride + 1;
  // One more window if places are left over and it begins inside the input or its left padding.
  if (ceil_mode && in > 0 && out * stride < in + padding && out * stride < room + stride) ++out;
  if (in < 1 || out < 1)
    raise<ShapeError>(op, ": a window of ", dilation * (kernel - 1) + 1, " does not fit into ", in, " + 2 * ", padding,
                      " places of input ", x);
  return out;
}

inline kernels::PoolShape pool_shape(const char* op, const Shape& x, const Pair& kernel, Pair stride,
                                     const Pair& padding, const Pair& dilation, bool ceil_mode) {
  check_image(op, x);
  if (stride == 0) stride = kernel;
  if (kernel.h < 1 || kernel.w < 1 || stride.h < 1 || stride.w < 1 || dilation.h < 1 || dilation.w < 1)
    raise<ValueError>(op, ": kernel ", kernel, ", stride ", stride, " and dilation ", dilation, " must be positive");
  if (padding.h < 0 || padding.w < 0 || 2 * padding.h > kernel.h || 2 * padding.w > kernel.w)
    raise<ValueError>(op, ": padding ", padding, " must be at most half of kernel ", kernel);
  const std::int64_t h = x[x.rank() - 2], w = x[x.rank() - 1];
  if (h * w > std::numeric_limits<std::int32_t>::max()) raise<ShapeError>(op, ": planes are too large: ", x);
  return {count_planes(x),
          h,
          w,
          kernel.h,
          kernel.w,
          stride.h,
          stride.w,
          padding.h,
          padding.w,
          dilation.h,
          dilation.w,
          pool_size(op, x, h, kernel.h, stride.h, padding.h, dilation.h, ceil_mode),
          pool_size(op, x, w, kernel.w, stride.w, padding.w, dilation.w, ceil_mode)};
}

/// The windows of a mean along one axis. Padding counts in the divisor, places beyond it do not.
inline std::vector<kernels::Window> mean_windows(std::int64_t in, std::int64_t out, std::int64_t kernel,
                                                 std::int64_t stride, std::int64_t padding, bool include_pad) {
  std::vector<kernels::Window> windows;
  for (std::int64_t i = 0; i < out; ++i) {
    const std::int64_t first = i * stride - padding, last = std::min(first + kernel, in + padding);
    const std::int64_t begin = std::max<std::int64_t>(first, 0), end = std::min(last, in);
    windows.push_back({begin, end, std::max<std::int64_t>(include_pad ? last - first : end - begin, 1)});
  }
  return windows;
}
/// `out` windows that cover `in` places as evenly as whole places allow; they overlap where they must.
inline std::vector<kernels::Window> adaptive_windows(std::int64_t in, std::int64_t out) {
  std::vector<kernels::Window> windows;
  for (std::int64_t i = 0; i < out; ++i) {
    const std::int64_t begin = i * in / out, end = ((i + 1) * in + out - 1) / out;
    windows.push_back({begin, end, end - begin});
  }
  return windows;
}

template <Real T>
Tensor<T> mean_pool(const char* op, const Tensor<T>& x, std::vector<kernels::Window> rows,
                    std::vector<kernels::Window> columns) {
  const auto h = x.size(-2), w = x.size(-1), planes = count_planes(x.shape());
  auto y = Tensor<T>::empty(
      with_image(x.shape(), static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(columns.size())));
  kernels::mean_pool_forward(planes, h, w, rows, columns, dense(x).data(), y.data());
  return record(
      op, y, {x},
      [planes, h, w, rows = std::move(rows), columns = std::move(columns)](const Tensor<T>& g, Slots<T>& into) {
        if (!into.wants(0)) return;
        auto [dx, accumulate] = into.target(0);
        kernels::mean_pool_backward(planes, h, w, rows, columns, dense(g).data(), dx.data(), accumulate);
      });
}

}  // namespace detail

/// The largest value of every window: x (n, c, h, w) or (c, h, w) -> (n, c, oh, ow), oh = (h + 2 padding -
/// dilation (kernel - 1) - 1) / stride + 1. The first of equals takes the gradient; padding never wins.
template <Real T>
Tensor<T> max_pool2d(const Tensor<T>& x, const Pair& kernel, const MaxPool2dOptions& o = {}) {
  const auto s = detail::pool_shape("max_pool2d", x.shape(), kernel, o.stride, o.padding, o.dilation, o.ceil_mode);
  const Shape shape = detail::with_image(x.shape(), s.oh, s.ow);
  auto y = Tensor<T>::empty(shape);
  const bool needs_index = detail::recording && x.wants_grad();
  const auto index = needs_index ? Tensor<std::int32_t>::empty(shape) : Tensor<std::int32_t>();
  kernels::max_pool_forward(s, detail::dense(x).data(), y.data(), needs_index ? index.data() : nullptr);
  return record("max_pool2d", y, {x}, [s, index = save(index)](const Tensor<T>& g, Slots<T>& into) {
    if (!into.wants(0)) return;
    auto [dx, accumulate] = into.target(0);
    kernels::max_pool_backward(s, index.get("max_pool2d").data(), detail::dense(g).data(), dx.data(), accumulate);
  });
}

/// The mean of every window: x (n, c, h, w) or (c, h, w) -> (n, c, oh, ow), oh = (h + 2 padding - kernel) / stride + 1.
template <Real T>
Tensor<T> avg_pool2d(const Tensor<T>& x, const Pair& kernel, const AvgPool2dOptions& o = {}) {
  const auto s = detail::pool_shape("avg_pool2d", x.shape(), kernel, o.stride, o.padding, 1, o.ceil_mode);
  return detail::mean_pool("avg_pool2d", x, detail::mean_windows(s.h, s.oh, s.kh, s.sh, s.ph, o.count_include_pad),
                           detail::mean_windows(s.w, s.ow, s.kw, s.sw, s.pw, o.count_include_pad));
}

/// The mean of `size` even parts: x (n, c, h, w) or (c, h, w) -> (n, c, size.h, size.w), whatever h and w are.
template <Real T>
Tensor<T> adaptive_avg_pool2d(const Tensor<T>& x, const Pair& size) {
  detail::check_image("adaptive_avg_pool2d", x.shape());
  if (size.h < 1 || size.w < 1) detail::raise<ValueError>("adaptive_avg_pool2d: size ", size, " must be positive");
  if (x.size(-2) < 1 || x.size(-1) < 1)
    detail::raise<ShapeError>("adaptive_avg_pool2d: no places in input ", x.shape());
  return detail::mean_pool("adaptive_avg_pool2d", x, detail::adaptive_windows(x.size(-2), size.h),
                           detail::adaptive_windows(x.size(-1), size.w));
}

}  // namespace shunt
