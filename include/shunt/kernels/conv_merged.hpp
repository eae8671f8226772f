// Convolutions whose results are small images: those of all images are the columns of one matrix product. An image of
// 7 x 7 by itself would leave a quarter of a register tile empty, and bring the weights anew.
#pragma once

#include <cstring>

#include "shunt/kernels/conv_shape.hpp"
#include "shunt/kernels/gemm.hpp"

namespace shunt::kernels {
namespace detail {

/// Whether that is faster, by what was measured at ResNets' shapes. With a window, each value is copied to where it
/// meets each of the taps, which only many filters are worth; without a stride, Winograd's form is faster, but of the
/// weights' gradient for many weights and few pixels.
inline bool merges_images(const ConvShape& s, bool for_weights) {
  if (s.groups > 1 || s.n == 1 || s.c < 32 || s.k < 32) return false;
  const std::int64_t pixels = s.oh * s.ow, weights = s.c * s.k;
  if (s.kh == 1 && s.kw == 1 && s.ph == 0 && s.pw == 0) return pixels <= 196;
  if (s.sh == 1 && s.sw == 1) return for_weights && weights > (1 << 15) && pixels <= 64;
  return weights > (1 << 14) && pixels <= (for_weights ? 64 : 196);
}

/// Images (n, channels, h, w) as a matrix (channels * kh * kw, n * oh * ow): what each tap sees of each channel.
template <class T>
struct Merged {
  std::int64_t n, channels, h, w, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw;

  static Merged source(const ConvShape& s) {
    return {s.n, s.c, s.h, s.w, s.oh, s.ow, s.kh, s.kw, s.sh, s.sw, s.ph, s.pw, s.dh, s.dw};
  }
  static Merged result(const ConvShape& s) { return {s.n, s.k, s.oh, s.ow, s.oh, s.ow, 1, 1, 1, 1, 0, 0, 1, 1}; }
  std::int64_t rows() const { return channels * kh * kw; }
  std::int64_t columns() const { return n * oh * ow; }
  std::int64_t grain() const { return (1 << 15) / (kh * kw * columns() + 1) + 1; }
  bool whole() const { return kh * kw == 1 && sh == 1 && sw == 1 && ph == 0 && pw == 0; }

  /// Calls part(line of the image, of the matrix, first column, count): column v of the matrix is value
  /// v * sw - pw + tap * dw of the line. Lines beyond the image have a count of 0.
  template <class F>
  void lines(std::int64_t channel, const F& part) const {
    for (std::int64_t tap = 0; tap < kh * kw; ++tap) {
      const std::int64_t x0 = tap % kw * dw - pw;
      const std::int64_t first = std::min(ow, x0 < 0 ? (-x0 + sw - 1) / sw : 0);
      const std::int64_t end = std::max(first, std::min(ow, (w - 1 - x0 + sw) / sw));
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t u = 0; u < oh; ++u) {
          const std::int64_t y = u * sh - ph + tap / kw * dh;
          const bool inside = y >= 0 && y < h && w - 1 - x0 >= 0;
          part((((i * channels + channel) * h + (inside ? y : 0)) * w) + x0,
               ((channel * kh * kw + tap) * n + i) * oh * ow + u * ow, inside ? first : 0, inside ? end - first : 0);
        }
      }
    }
  }

  const T* gather(const T* images, Scratch user) const {
    T* const matrix = scratch<T>(user, rows() * columns());
    parallel_for(channels, grain(), [=, this](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c) {
        for (std::int64_t i = 0; i < n && whole(); ++i)
          std::memcpy(matrix + (c * n + i) * h * w, images + (i * channels + c) * h * w, plane_bytes());
        if (whole()) continue;
        lines(c, [&](std::int64_t from, std::int64_t to, std::int64_t first, std::int64_t count) {
          for (std::int64_t v = 0; v < first; ++v) matrix[to + v] = T(0);
          for (std::int64_t v = first; v < first + count; ++v) matrix[to + v] = images[from + v * sw];
          for (std::int64_t v = first + count; v < ow; ++v) matrix[to + v] = T(0);
        });
      }
    });
    return matrix;
  }
  /// Every value of the images is the sum of what the matrix has of it, or with `accumulate` that is added.
  void scatter(const T* matrix, T* images, bool accumulate) const {
    parallel_for(channels, grain(), [=, this](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c) {
        for (std::int64_t i = 0; i < n && !accumulate; ++i) {
          T* const plane = images + (i * channels + c) * h * w;
          if (whole())
            std::memcpy(plane, matrix + (c * n + i) * h * w, plane_bytes());
          else
            std::memset(plane, 0, plane_bytes());
        }
        if (whole() && !accumulate) continue;
        lines(c, [&](std::int64_t to, std::int64_t from, std::int64_t first, std::int64_t count) {
          for (std::int64_t v = first; v < first + count; ++v) images[to + v * sw] += matrix[from + v];
        });
      }
    });
  }
  std::size_t plane_bytes() const { return static_cast<std::size_t>(h * w) * sizeof(T); }
};

}  // namespace detail

template <class T>
void conv_merged(const ConvShape& s, const T* x, const T* w, const T* bias, T* y, bool accumulate) {
  const auto from = detail::Merged<T>::source(s), to = detail::Merged<T>::result(s);
  const std::int64_t n = to.columns(), patch = from.rows();
  const T* const values = from.gather(x, Scratch::image);
  T* const results = scratch<T>(Scratch::sums, s.k * n);
  gemm<T>(s.k, n, patch, {w, patch, 1}, {values, n, 1}, results, n, {.row_bias = bias});
  to.scatter(results, y, accumulate);
}
template <class T>
void conv_merged_data(const ConvShape& s, const T* dy, const T* w, T* dx, bool accumulate) {
  const auto from = detail::Merged<T>::result(s), to = detail::Merged<T>::source(s);
  const std::int64_t n = to.columns(), patch = to.rows();
  const T* const values = from.gather(dy, Scratch::image);
  T* const results = scratch<T>(Scratch::sums, patch * n);
  gemm<T>(patch, n, s.k, {w, 1, patch}, {values, n, 1}, results, n);
  to.scatter(results, dx, accumulate);
}
template <class T>
void conv_merged_weights(const ConvShape& s, const T* x, const T* dy, T* dw, bool accumulate) {
  const auto from = detail::Merged<T>::source(s), to = detail::Merged<T>::result(s);
  const std::int64_t n = to.columns(), patch = from.rows();
  const T *const values = from.gather(x, Scratch::image), *const gradients = to.gather(dy, Scratch::sums);
  gemm<T>(s.k, patch, n, {gradients, n, 1}, {values, 1, n}, dw, patch, {.accumulate = accumulate});
}

}  // namespace shunt::kernels
