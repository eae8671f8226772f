// Pooling by maxima: the largest value of every window that slides over a plane. Planes are independent.
#pragma once

#include <limits>

#include "shunt/kernels/pool.hpp"

namespace shunt::kernels {

/// Windows of (kh, kw) taps that slide over planes of (h, w): stride, padding, dilation, and the (oh, ow) results.
struct PoolShape {
  std::int64_t planes, h, w, kh, kw, sh, sw, ph, pw, dh, dw, oh, ow;
};

namespace detail {

/// A plane unfolded for strides: tap q of result i of a row lies at line[(q dw) % sw][(q dw) / sw + i], so that every
/// tap is read with step one; beside the plane there is minus infinity.
template <class T>
struct PoolLines {
  const PoolShape& s;
  const T least = T(-std::numeric_limits<T>::infinity());
  std::int64_t length;
  T* lines;

  explicit PoolLines(const PoolShape& shape)
      : s(shape),
        length(std::max((s.ow + block_length - 1) / block_length * block_length + (s.kw - 1) * s.dw / s.sw + 1,
                        (s.w + s.pw) / s.sw + 1)),
        lines(scratch<T>(Scratch::image, s.h * s.sw * length)) {
    std::fill_n(lines, s.h * s.sw * length, least);  // once: every plane fills the same places
  }

  /// Where column x of row y goes; the columns x + sw, x + 2 sw, .. follow it.
  T* place(std::int64_t y, std::int64_t x) const {
    return lines + (y * s.sw + (x + s.pw) % s.sw) * length + (x + s.pw) / s.sw;
  }
  const T* tap(std::int64_t y, std::int64_t q) const {
    return lines + (y * s.sw + q * s.dw % s.sw) * length + q * s.dw / s.sw;
  }
};

/// The first tap of a window that lies inside the plane; -1 if none does.
inline std::int32_t first_inside(const PoolShape& s, std::int64_t oy, std::int64_t ox) {
  std::int64_t y = oy * s.sh - s.ph, x = ox * s.sw - s.pw, r = 0, q = 0;
  for (; r < s.kh && y < 0; ++r) y += s.dh;
  for (; q < s.kw && x < 0; ++q) x += s.dw;
  return r < s.kh && q < s.kw && y < s.h && x < s.w ? static_cast<std::int32_t>(y * s.w + x) : -1;
}

}  // namespace detail
}  // namespace shunt::kernels

#define SHUNT_KERNEL_BODY "shunt/kernels/max_pool.inl"
#include "shunt/kernels/foreach_isa.hpp"

namespace shunt::kernels {

/// y: the largest value of every window; index, unless null: where on its plane it stands, -1 where a window sees
/// nothing.
template <class T>
void max_pool_forward(const PoolShape& s, const T* x, T* y, std::int32_t* index) {
  auto* plane = portable::max_pool_plane<T>;
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>)
    plane = by_isa(portable::max_pool_plane<T>, avx2::max_pool_plane<T>, avx512::max_pool_plane<T>);
  const std::int64_t in = s.h * s.w, out = s.oh * s.ow;
  parallel_for(s.planes, detail::plane_grain(in + out * s.kh * s.kw), [&](std::int64_t begin, std::int64_t end) {
    const detail::PoolLines<T> lines(s);
    for (std::int64_t p = begin; p < end; ++p)
      plane(lines, x + p * in, y + p * out, index != nullptr ? index + p * out : nullptr);
  });
}

/// dx: every window's gradient goes where its largest value stands.
template <class T>
void max_pool_backward(const PoolShape& s, const std::int32_t* index, const T* g, T* dx, bool accumulate) {
  const std::int64_t in = s.h * s.w, out = s.oh * s.ow;
  parallel_for(s.planes, detail::plane_grain(in + out), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      detail::GradientPlane<T> plane(dx + p * in, in, accumulate);
      for (std::int64_t i = p * out; i < (p + 1) * out; ++i)
        if (index[i] >= 0) plane.sums()[index[i]] += static_cast<accumulate_t<T>>(g[i]);
    }
  });
}

}  // namespace shunt::kernels
