// Pooling by means: of every window on a plane, given by its rows and columns. Planes are independent.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "shunt/core/scalar.hpp"
#include "shunt/core/threads.hpp"
#include "shunt/kernels/blocks.hpp"
#include "shunt/kernels/gemm_scratch.hpp"

namespace shunt::kernels {

/// What one result of a mean is taken over along one axis, [begin, end), and its factor of the divisor.
struct Window {
  std::int64_t begin, end, divisor;
};

namespace detail {

/// Planes for one thread, when each costs so many steps.
inline std::int64_t plane_grain(std::int64_t steps) { return (1 << 15) / std::max<std::int64_t>(steps, 1) + 1; }

template <class A, class T>
void add_line(A* __restrict sum, const T* __restrict v, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + block_length <= n; i += block_length)
    for (int j = 0; j < block_length; ++j) sum[i + j] += static_cast<A>(v[i + j]);
  for (; i < n; ++i) sum[i] += static_cast<A>(v[i]);
}

/// One plane of a gradient while it is summed: the result itself, or a plane of wider numbers that is rounded once.
template <class T>
class GradientPlane {
 public:
  using A = accumulate_t<T>;
  GradientPlane(T* dx, std::int64_t size, bool accumulate) : dx_(dx), size_(size) {
    if constexpr (!std::is_same_v<A, T>) {
      sums_ = scratch<A>(Scratch::image, size);
      if (accumulate) std::copy_n(dx, size, sums_);
    } else {
      sums_ = dx;
    }
    if (!accumulate) std::fill_n(sums_, size, A(0));
  }
  GradientPlane(const GradientPlane&) = delete;
  GradientPlane& operator=(const GradientPlane&) = delete;
  ~GradientPlane() {
    if constexpr (!std::is_same_v<A, T>) std::copy_n(sums_, size_, dx_);
  }
  A* sums() { return sums_; }

 private:
  T* dx_;
  A* sums_;
  std::int64_t size_;
};

}  // namespace detail

/// y: the sum over every window, rows x columns, over its divisor.
template <class T>
void mean_pool_forward(std::int64_t planes, std::int64_t h, std::int64_t w, const std::vector<Window>& rows,
                       const std::vector<Window>& columns, const T* x, T* y) {
  using A = accumulate_t<T>;
  const auto oh = static_cast<std::int64_t>(rows.size()), ow = static_cast<std::int64_t>(columns.size());
  parallel_for(planes, detail::plane_grain(h * w + oh * (w + ow)), [&](std::int64_t begin, std::int64_t end) {
    A* line = scratch<A>(Scratch::image, w);
    for (std::int64_t p = begin; p < end; ++p) {
      T* out = y + p * oh * ow;
      for (const Window& row : rows) {
        std::fill_n(line, w, A(0));
        for (std::int64_t iy = row.begin; iy < row.end; ++iy) detail::add_line(line, x + (p * h + iy) * w, w);
        for (const Window& column : columns) {
          A sum(0);
          for (std::int64_t ix = column.begin; ix < column.end; ++ix) sum += line[ix];
          *out++ = static_cast<T>(sum / static_cast<A>(row.divisor * column.divisor));
        }
      }
    }
  });
}

/// dx: every window's gradient over its divisor, to each of its places.
template <class T>
void mean_pool_backward(std::int64_t planes, std::int64_t h, std::int64_t w, const std::vector<Window>& rows,
                        const std::vector<Window>& columns, const T* g, T* dx, bool accumulate) {
  using A = accumulate_t<T>;
  const auto oh = static_cast<std::int64_t>(rows.size()), ow = static_cast<std::int64_t>(columns.size());
  parallel_for(planes, detail::plane_grain(h * w + oh * (w + ow)), [&](std::int64_t begin, std::int64_t end) {
    A* line = scratch<A>(Scratch::sums, w);
    for (std::int64_t p = begin; p < end; ++p) {
      const T* in = g + p * oh * ow;
      detail::GradientPlane<T> plane(dx + p * h * w, h * w, accumulate);
      for (const Window& row : rows) {
        std::fill_n(line, w, A(0));
        for (const Window& column : columns) {
          const A share = static_cast<A>(*in++) / static_cast<A>(row.divisor * column.divisor);
          for (std::int64_t ix = column.begin; ix < column.end; ++ix) line[ix] += share;
        }
        for (std::int64_t iy = row.begin; iy < row.end; ++iy) detail::add_line(plane.sums() + iy * w, line, w);
      }
    }
  });
}

}  // namespace shunt::kernels
