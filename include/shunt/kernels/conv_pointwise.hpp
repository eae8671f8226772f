// 1x1 convolutions of small images: the pixels of all images are the columns of one matrix product. An image of 7 x 7
// by itself would leave a quarter of a register tile empty, and bring the weights anew.
#pragma once

#include <cstring>

#include "shunt/kernels/conv_shape.hpp"
#include "shunt/kernels/gemm.hpp"

namespace shunt::kernels {
namespace detail {

inline bool merges_images(const ConvShape& s) {
  return s.kh == 1 && s.kw == 1 && s.ph == 0 && s.pw == 0 && s.groups == 1 && s.n > 1 && s.oh * s.ow <= 196 &&
         s.c >= 32 && s.k >= 32;
}

/// Images (n, channels, h, w), of which every sh-th row and sw-th column count, as a matrix (channels, n * oh * ow).
template <class T>
struct Merged {
  std::int64_t n, channels, h, w, oh, ow, sh, sw;

  static Merged source(const ConvShape& s) { return {s.n, s.c, s.h, s.w, s.oh, s.ow, s.sh, s.sw}; }
  static Merged result(const ConvShape& s) { return {s.n, s.k, s.oh, s.ow, s.oh, s.ow, 1, 1}; }
  std::int64_t columns() const { return n * oh * ow; }
  std::int64_t grain() const { return (1 << 15) / (columns() + 1) + 1; }

  const T* gather(const T* images, Scratch user) const {
    T* const matrix = scratch<T>(user, channels * columns());
    parallel_for(channels, grain(), [=, this](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c) {
        T* to = matrix + c * columns();
        for (std::int64_t i = 0; i < n; ++i, to += oh * ow) {
          const T* const from = images + (i * channels + c) * h * w;
          if (sh == 1 && sw == 1) {
            std::memcpy(to, from, static_cast<std::size_t>(h * w) * sizeof(T));
            continue;
          }
          for (std::int64_t u = 0; u < oh; ++u)
            for (std::int64_t v = 0; v < ow; ++v) to[u * ow + v] = from[u * sh * w + v * sw];
        }
      }
    });
    return matrix;
  }
  /// Pixels that do not count are 0, or stay as they are with `accumulate`.
  void scatter(const T* matrix, T* images, bool accumulate) const {
    parallel_for(channels, grain(), [=, this](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c) {
        const T* from = matrix + c * columns();
        for (std::int64_t i = 0; i < n; ++i, from += oh * ow) {
          T* const to = images + (i * channels + c) * h * w;
          if (!accumulate && sh == 1 && sw == 1) {
            std::memcpy(to, from, static_cast<std::size_t>(h * w) * sizeof(T));
            continue;
          }
          if (!accumulate) std::memset(to, 0, static_cast<std::size_t>(h * w) * sizeof(T));
          for (std::int64_t u = 0; u < oh; ++u)
            for (std::int64_t v = 0; v < ow; ++v) to[u * sh * w + v * sw] += from[u * ow + v];
        }
      }
    });
  }
};

}  // namespace detail

template <class T>
void conv_pointwise(const ConvShape& s, const T* x, const T* w, const T* bias, T* y, bool accumulate) {
  const auto from = detail::Merged<T>::source(s), to = detail::Merged<T>::result(s);
  const std::int64_t n = to.columns();
  const T* const pixels = from.gather(x, Scratch::image);
  T* const results = scratch<T>(Scratch::sums, s.k * n);
  gemm<T>(s.k, n, s.c, {w, s.c, 1}, {pixels, n, 1}, results, n, {.row_bias = bias});
  to.scatter(results, y, accumulate);
}
template <class T>
void conv_pointwise_data(const ConvShape& s, const T* dy, const T* w, T* dx, bool accumulate) {
  const auto from = detail::Merged<T>::result(s), to = detail::Merged<T>::source(s);
  const std::int64_t n = to.columns();
  const T* const pixels = from.gather(dy, Scratch::image);
  T* const results = scratch<T>(Scratch::sums, s.c * n);
  gemm<T>(s.c, n, s.k, {w, 1, s.c}, {pixels, n, 1}, results, n);
  to.scatter(results, dx, accumulate);
}
template <class T>
void conv_pointwise_weights(const ConvShape& s, const T* x, const T* dy, T* dw, bool accumulate) {
  const auto from = detail::Merged<T>::source(s), to = detail::Merged<T>::result(s);
  const std::int64_t n = to.columns();
  const T *const pixels = from.gather(x, Scratch::image), *const gradients = to.gather(dy, Scratch::sums);
  gemm<T>(s.k, s.c, n, {gradients, n, 1}, {pixels, 1, n}, dw, s.c, {.accumulate = accumulate});
}

}  // namespace shunt::kernels
