#pragma once

#include "shunt/kernels/conv_im2col.hpp"
#include "shunt/kernels/conv_merged.hpp"
#include "shunt/kernels/conv_shape.hpp"
#include "shunt/kernels/depthwise.hpp"
#include "shunt/kernels/winograd.hpp"

#define SHUNT_KERNEL_BODY "shunt/kernels/conv.inl"
#include "shunt/kernels/foreach_isa.hpp"

namespace shunt::kernels {

/// y = conv(x, w) + bias; bias (k) may be null; `accumulate` adds to y instead.
template <class T>
void conv_forward(const ConvShape& s, const T* x, const T* w, const T* bias, T* y, bool accumulate = false) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    if (detail::is_depthwise(s)) return conv_depthwise(detail::depthwise_forward(s), x, w, bias, y, accumulate);
    if (detail::merges_images(s, false)) return conv_merged(s, x, w, bias, y, accumulate);
    by_isa(portable::conv_forward<T>, avx2::conv_forward<T>, avx512::conv_forward<T>)(s, x, w, bias, y, accumulate);
  } else {
    conv_forward_im2col(s, x, w, bias, y, accumulate);
  }
}

/// dx: the gradient of y with respect to x, applied to dy. Also the forward pass of a transposed convolution.
template <class T>
void conv_backward_data(const ConvShape& s, const T* dy, const T* w, T* dx, bool accumulate = false) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    if (detail::is_depthwise(s))
      return conv_depthwise<T>(detail::depthwise_backward(s), dy, w, nullptr, dx, accumulate);
    if (detail::merges_images(s, false)) return conv_merged_data(s, dy, w, dx, accumulate);
    by_isa(portable::conv_backward_data<T>, avx2::conv_backward_data<T>, avx512::conv_backward_data<T>)(s, dy, w, dx,
                                                                                                        accumulate);
  } else {
    conv_backward_data_im2col(s, dy, w, dx, accumulate);
  }
}

/// dw: the gradient with respect to w, summed over images in their order, whatever the number of threads.
template <class T>
void conv_backward_weights(const ConvShape& s, const T* x, const T* dy, T* dw, bool accumulate = false) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    if (detail::is_depthwise(s)) return conv_depthwise_weights(detail::depthwise_forward(s), x, dy, dw, accumulate);
    if (detail::merges_images(s, true)) return conv_merged_weights(s, x, dy, dw, accumulate);
    by_isa(portable::conv_backward_weights<T>, avx2::conv_backward_weights<T>, avx512::conv_backward_weights<T>)(
        s, x, dy, dw, accumulate);
  } else {
    conv_backward_weights_im2col(s, x, dy, dw, accumulate);
  }
}

}  // namespace shunt::kernels
