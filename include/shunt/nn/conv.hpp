// Convolutions as layers.
#pragma once

#include "shunt/nn/init.hpp"
#include "shunt/nn/layer.hpp"
#include "shunt/ops/conv.hpp"

namespace shunt::nn {

struct Conv1dOptions {
  std::int64_t in, out;  ///< Channels.
  std::int64_t kernel;
  std::int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
  bool bias = true;
};
struct Conv2dOptions {
  std::int64_t in, out;  ///< Channels.
  Pair kernel;
  Pair stride = 1, padding = 0, dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
};
struct ConvTranspose2dOptions {
  std::int64_t in, out;  ///< Channels.
  Pair kernel;
  Pair stride = 1, padding = 0, output_padding = 0;
  std::int64_t groups = 1;
  bool bias = true;
  Pair dilation = 1;
};

namespace detail {

/// ValueError unless both channel counts are positive multiples of `groups`.
inline void check_channels(const char* kind, std::int64_t in, std::int64_t out, std::int64_t groups) {
  if (in < 1 || out < 1 || groups < 1 || in % groups != 0 || out % groups != 0)
    shunt::detail::raise<ValueError>(kind, ": in = ", in, " and out = ", out,
                                     " must be positive multiples of groups = ", groups);
}
/// As PyTorch starts them: uniform, the weight in +-sqrt(1 / fan_in), and so the bias.
template <Real T>
void start_conv(Parameter<T>& weight, Parameter<T>& bias, const Shape& shape, std::int64_t out, bool with_bias,
                Generator& g) {
  weight = Parameter<T>(Tensor<T>::empty(shape));
  init::kaiming_uniform_(weight, {.a = std::sqrt(5.0)}, g);
  if (!with_bias) return;
  const double bound = 1 / std::sqrt(init::fan_of(shape).in);
  bias = Parameter<T>(Tensor<T>::empty({out}));
  init::uniform_(bias, -bound, bound, g);
}
/// "64, 128, kernel = 3, stride = 2": what differs from the defaults.
inline std::string conv_text(const ConvTranspose2dOptions& o) {
  std::string s = std::to_string(o.in) + ", " + std::to_string(o.out) + ", kernel = " + to_string(o.kernel);
  if (o.stride != 1) s += ", stride = " + to_string(o.stride);
  if (o.padding != 0) s += ", padding = " + to_string(o.padding);
  if (o.output_padding != 0) s += ", output_padding = " + to_string(o.output_padding);
  if (o.dilation != 1) s += ", dilation = " + to_string(o.dilation);
  if (o.groups != 1) s += ", groups = " + std::to_string(o.groups);
  return o.bias ? s : s + ", no bias";
}

}  // namespace detail

/// (n, in, h, w) -> (n, out, oh, ow). weight (out, in / groups, kh, kw) and bias (out,) start uniform in
/// +-1/sqrt(in / groups * kh * kw), as PyTorch's do.
template <Real T = float>
struct Conv2d : Layer<T> {
  Parameter<T> weight, bias;

  explicit Conv2d(const Conv2dOptions& o, Generator& g = generator()) : o_(o) {
    detail::check_channels("Conv2d", o.in, o.out, o.groups);
    detail::start_conv(weight, bias, {o.out, o.in / o.groups, o.kernel.h, o.kernel.w}, o.out, o.bias, g);
  }

  Tensor<T> forward(const Tensor<T>& x) override { return conv2d(x, weight, bias, window()); }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) override {
    return conv2d_onto<T>(base, x, weight, bias, window());
  }
  void members(Members<T>& m) override { m("weight", weight)("bias", bias); }
  shunt::Conv2dOptions window() const { return {o_.stride, o_.padding, o_.dilation, o_.groups}; }
  std::string options() const override {
    return detail::conv_text({o_.in, o_.out, o_.kernel, o_.stride, o_.padding, 0, o_.groups, o_.bias, o_.dilation});
  }

 private:
  Conv2dOptions o_;
};

/// (n, in, l) -> (n, out, ol). weight (out, in / groups, k) and bias (out,) start as Conv2d's do.
template <Real T = float>
struct Conv1d : Layer<T> {
  Parameter<T> weight, bias;

  explicit Conv1d(const Conv1dOptions& o, Generator& g = generator()) : o_(o) {
    detail::check_channels("Conv1d", o.in, o.out, o.groups);
    detail::start_conv(weight, bias, {o.out, o.in / o.groups, o.kernel}, o.out, o.bias, g);
  }

  Tensor<T> forward(const Tensor<T>& x) override { return conv1d(x, weight, bias, window()); }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) override {
    return conv1d_onto<T>(base, x, weight, bias, window());
  }
  void members(Members<T>& m) override { m("weight", weight)("bias", bias); }
  std::string options() const override {
    return detail::conv_text({o_.in, o_.out, o_.kernel, o_.stride, o_.padding, 0, o_.groups, o_.bias, o_.dilation});
  }

 private:
  shunt::Conv1dOptions window() const { return {o_.stride, o_.padding, o_.dilation, o_.groups}; }
  Conv1dOptions o_;
};

/// (n, in, h, w) -> (n, out, oh, ow), oh = (h - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1. weight
/// (in, out / groups, kh, kw) and bias (out,) start uniform in +-1/sqrt(out / groups * kh * kw), as PyTorch's do.
template <Real T = float>
struct ConvTranspose2d : Layer<T> {
  Parameter<T> weight, bias;

  explicit ConvTranspose2d(const ConvTranspose2dOptions& o, Generator& g = generator()) : o_(o) {
    detail::check_channels("ConvTranspose2d", o.in, o.out, o.groups);
    detail::start_conv(weight, bias, {o.in, o.out / o.groups, o.kernel.h, o.kernel.w}, o.out, o.bias, g);
  }

  Tensor<T> forward(const Tensor<T>& x) override {
    return conv_transpose2d(x, weight, bias, {o_.stride, o_.padding, o_.output_padding, o_.groups, o_.dilation});
  }
  void members(Members<T>& m) override { m("weight", weight)("bias", bias); }
  std::string options() const override { return detail::conv_text(o_); }

 private:
  ConvTranspose2dOptions o_;
};

}  // namespace shunt::nn
