#pragma once

#include "shunt/kernels/conv_im2col.hpp"

namespace shunt::kernels {

/// y = conv(x, w) + bias; bias (k) may be null; `accumulate` adds to y instead.
template <class T>
void conv_forward(const ConvShape& s, const T* x, const T* w, const T* bias, T* y, bool accumulate = false) {
  conv_forward_im2col(s, x, w, bias, y, accumulate);
}

/// dx: the gradient of y with respect to x, applied to dy. Also the forward pass of a transposed convolution.
template <class T>
void conv_backward_data(const ConvShape& s, const T* dy, const T* w, T* dx, bool accumulate = false) {
  conv_backward_data_im2col(s, dy, w, dx, accumulate);
}

/// dw: the gradient with respect to w, summed over images in their order, whatever the number of threads.
template <class T>
void conv_backward_weights(const ConvShape& s, const T* x, const T* dy, T* dw, bool accumulate = false) {
  conv_backward_weights_im2col(s, x, dy, dw, accumulate);
}

}  // namespace shunt::kernels
