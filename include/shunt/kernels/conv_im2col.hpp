// Convolution of any scalar by im2col: patches of some output rows become the columns of a matrix, then a product.
// The fast kernels of conv.hpp are tested against it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "shunt/kernels/conv_shape.hpp"
#include "shunt/kernels/gemm.hpp"

namespace shunt::kernels {

namespace detail {

// Sizes inside one group, and how many output rows are unfolded at a time.
struct ConvGroup {
  std::int64_t channels, filters, patch, rows;
  explicit ConvGroup(const ConvShape& s)
      : channels(s.c / s.groups), filters(s.k / s.groups), patch(channels * s.kh * s.kw), rows(1) {
    rows = std::clamp<std::int64_t>((std::int64_t{1} << 17) / std::max<std::int64_t>(1, patch * s.ow), 1,
                                    std::max<std::int64_t>(1, s.oh));
  }
};

// Calls f(row of the patch matrix, column, position in one image of `channels`) for each value inside the image.
template <class F>
void for_patches(const ConvShape& s, std::int64_t channels, std::int64_t y0, std::int64_t y1, F&& f) {
  for (std::int64_t c = 0, row = 0; c < channels; ++c) {
    for (std::int64_t r = 0; r < s.kh; ++r) {
      for (std::int64_t q = 0; q < s.kw; ++q, ++row) {
        for (std::int64_t oy = y0; oy < y1; ++oy) {
          const std::int64_t y = oy * s.sh - s.ph + r * s.dh;
          if (y < 0 || y >= s.h) continue;
          for (std::int64_t ox = 0; ox < s.ow; ++ox) {
            const std::int64_t x = ox * s.sw - s.pw + q * s.dw;
            if (x >= 0 && x < s.w) f(row, (oy - y0) * s.ow + ox, (c * s.h + y) * s.w + x);
          }
        }
      }
    }
  }
}

template <class T>
T* unfold(const ConvShape& s, const ConvGroup& g, const T* x, std::int64_t y0, std::int64_t y1) {
  const std::int64_t cols = (y1 - y0) * s.ow;
  T* patches = scratch<T>(Scratch::image, g.patch * cols);
  std::fill_n(patches, g.patch * cols, T(0));
  for_patches(s, g.channels, y0, y1,
              [&](std::int64_t i, std::int64_t j, std::int64_t at) { patches[i * cols + j] = x[at]; });
  return patches;
}

}  // namespace detail

template <class T>
void conv_forward_im2col(const ConvShape& s, const T* x, const T* w, const T* bias, T* y, bool accumulate) {
  const detail::ConvGroup g(s);
  parallel_for(s.n * s.groups, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t group = i % s.groups;
      for (std::int64_t y0 = 0; y0 < s.oh; y0 += g.rows) {
        const std::int64_t y1 = std::min(s.oh, y0 + g.rows), cols = (y1 - y0) * s.ow;
        const T* patches = detail::unfold(s, g, x + i * g.channels * s.h * s.w, y0, y1);
        gemm<T>(g.filters, cols, g.patch, {w + group * g.filters * g.patch, g.patch, 1}, {patches, cols, 1},
                y + (i * g.filters * s.oh + y0) * s.ow, s.oh * s.ow,
                {.row_bias = bias != nullptr ? bias + group * g.filters : nullptr, .accumulate = accumulate});
      }
    }
  });
}

template <class T>
void conv_backward_data_im2col(const ConvShape& s, const T* dy, const T* w, T* dx, bool accumulate) {
  const detail::ConvGroup g(s);
  if (!accumulate) std::fill_n(dx, s.n * s.c * s.h * s.w, T(0));
  parallel_for(s.n * s.groups, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t group = i % s.groups;
      for (std::int64_t y0 = 0; y0 < s.oh; y0 += g.rows) {
        const std::int64_t y1 = std::min(s.oh, y0 + g.rows), cols = (y1 - y0) * s.ow;
        T* patches = scratch<T>(Scratch::image, g.patch * cols);
        gemm<T>(g.patch, cols, g.filters, {w + group * g.filters * g.patch, 1, g.patch},
                {dy + (i * g.filters * s.oh + y0) * s.ow, s.oh * s.ow, 1}, patches, cols);
        T* image = dx + i * g.channels * s.h * s.w;
        detail::for_patches(s, g.channels, y0, y1, [&](std::int64_t row, std::int64_t col, std::int64_t at) {
          image[at] += patches[row * cols + col];
        });
      }
    }
  });
}

template <class T>
void conv_backward_weights_im2col(const ConvShape& s, const T* x, const T* dy, T* dw, bool accumulate) {
  const detail::ConvGroup g(s);
  if (!accumulate) std::fill_n(dw, s.k * g.patch, T(0));
  parallel_for(s.groups, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t group = begin; group < end; ++group) {
      for (std::int64_t image = 0; image < s.n; ++image) {
        const std::int64_t i = image * s.groups + group;
        for (std::int64_t y0 = 0; y0 < s.oh; y0 += g.rows) {
          const std::int64_t y1 = std::min(s.oh, y0 + g.rows), cols = (y1 - y0) * s.ow;
          const T* patches = detail::unfold(s, g, x + i * g.channels * s.h * s.w, y0, y1);
          gemm<T>(g.filters, g.patch, cols, {dy + (i * g.filters * s.oh + y0) * s.ow, s.oh * s.ow, 1},
                  {patches, 1, cols}, dw + group * g.filters * g.patch, g.patch, {.accumulate = true});
        }
      }
    }
  });
}

}  // namespace shunt::kernels
