// Pooling as layers.
#pragma once

#include "shunt/nn/layer.hpp"
#include "shunt/ops/pool.hpp"

namespace shunt::nn {

struct MaxPool2dOptions {
  Pair kernel;
  Pair stride = 0;  ///< 0: the kernel's size.
  Pair padding = 0, dilation = 1;
  bool ceil_mode = false;
};
struct AvgPool2dOptions {
  Pair kernel;
  Pair stride = 0;  ///< 0: the kernel's size.
  Pair padding = 0;
  bool ceil_mode = false, count_include_pad = true;
};

namespace detail {
/// "3, stride = 2, padding = 1": what differs from the defaults.
inline std::string pool_text(const Pair& kernel, const Pair& stride, const Pair& padding) {
  std::string s = to_string(kernel);
  if (stride != 0) s += ", stride = " + to_string(stride);
  return padding != 0 ? s + ", padding = " + to_string(padding) : s;
}
}  // namespace detail

/// The largest value of every window, as max_pool2d(): MaxPool2d(3, {.stride = 2, .padding = 1}), or all in braces.
template <Real T = float>
struct MaxPool2d : Layer<T> {
  Pair kernel;
  shunt::MaxPool2dOptions window;

  explicit MaxPool2d(const Pair& size, const shunt::MaxPool2dOptions& o = {}) : kernel(size), window(o) {}
  template <class = void>  // a template, so that {3, 2} is a kernel
  explicit MaxPool2d(const MaxPool2dOptions& o) : MaxPool2d(o.kernel, {o.stride, o.padding, o.dilation, o.ceil_mode}) {}
  Tensor<T> forward(const Tensor<T>& x) override { return max_pool2d(x, kernel, window); }
  std::string options() const override { return detail::pool_text(kernel, window.stride, window.padding); }
};
MaxPool2d(const Pair&)->MaxPool2d<float>;

/// The mean of every window, as avg_pool2d(): AvgPool2d(2), AvgPool2d(3, {.stride = 2}), or all in braces.
template <Real T = float>
struct AvgPool2d : Layer<T> {
  explicit AvgPool2d(const Pair& kernel, const shunt::AvgPool2dOptions& o = {}) : kernel_(kernel), o_(o) {}
  template <class = void>  // a template, so that {3, 2} is a kernel
  explicit AvgPool2d(const AvgPool2dOptions& o)
      : AvgPool2d(o.kernel, {o.stride, o.padding, o.ceil_mode, o.count_include_pad}) {}
  Tensor<T> forward(const Tensor<T>& x) override { return avg_pool2d(x, kernel_, o_); }
  std::string options() const override { return detail::pool_text(kernel_, o_.stride, o_.padding); }

 private:
  Pair kernel_;
  shunt::AvgPool2dOptions o_;
};
AvgPool2d(const Pair&)->AvgPool2d<float>;

/// The means of `size` even parts, whatever the image's size; AdaptiveAvgPool2d(1) is the global mean.
template <Real T = float>
struct AdaptiveAvgPool2d : Layer<T> {
  explicit AdaptiveAvgPool2d(const Pair& size) : size_(size) {}
  Tensor<T> forward(const Tensor<T>& x) override { return adaptive_avg_pool2d(x, size_); }
  std::string options() const override { return to_string(size_); }

 private:
  Pair size_;
};

}  // namespace shunt::nn
