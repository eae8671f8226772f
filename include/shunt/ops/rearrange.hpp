// Elements put elsewhere: padded, flipped, rolled, cut to a triangle, shuffled between channels and pixels.
#pragma once

#include "shunt/core/choice.hpp"
#include "shunt/ops/index.hpp"

namespace shunt {

struct PadOptions {
  Choice<"constant", "reflect", "replicate", "circular"> mode = "constant";
  double value = 0;  ///< What "constant" fills in.
};

namespace detail {

/// How much a padding adds before and after each dimension, and the sizes that result.
struct PadPlan {
  PadPlan(const Shape& from, const std::vector<std::int64_t>& pads) : shape(from) {
    const int given = static_cast<int>(pads.size()) / 2;
    if (pads.size() % 2 != 0 || given > from.rank())
      raise<ValueError>("pad: ", pads.size(), " numbers for ", from,
                        "; give two for each dimension, the last one first");
    before = after = Shape::filled(from.rank(), 0);
    for (int i = 0; i < given; ++i) {
      const int d = from.rank() - 1 - i;
      before[d] = pads[static_cast<std::size_t>(2 * i)];
      after[d] = pads[static_cast<std::size_t>(2 * i + 1)];
      shape[d] += before[d] + after[d];
      if (shape[d] < 0) raise<ShapeError>("pad: ", from, " has less in dimension ", d, " than is cut away");
    }
  }
  /// What remains of x.
  template <Scalar T>
  Tensor<T> in_source(Tensor<T> x) const {
    for (int d = 0; d < shape.rank(); ++d)
      x = x.slice(d, std::max<std::int64_t>(-before[d], 0), x.size(d) - std::max<std::int64_t>(-after[d], 0));
    return x;
  }
  /// Where that stands in y.
  template <Scalar T>
  Tensor<T> in_result(Tensor<T> y) const {
    for (int d = 0; d < shape.rank(); ++d)
      y = y.slice(d, std::max<std::int64_t>(before[d], 0), y.size(d) - std::max<std::int64_t>(after[d], 0));
    return y;
  }
  bool crops() const {
    for (int d = 0; d < shape.rank(); ++d)
      if (before[d] < 0 || after[d] < 0) return true;
    return false;
  }
  Shape before, after, shape;
};

template <Scalar T>
void set_all(const Tensor<T>& x, T value) {
  if (x.numel() > 0) map_into(Constant<T>{value}, x, x);
}
template <Scalar T>
Tensor<T> pad_constant(const Tensor<T>& x, const PadPlan& plan, T value) {
  auto y = Tensor<T>::empty(plan.shape);
  auto rest = y;  // the border goes slab by slab, so that the middle is written once
  for (int d = 0; d < y.rank(); ++d) {
    const auto n = y.size(d), b = std::max<std::int64_t>(plan.before[d], 0),
               e = n - std::max<std::int64_t>(plan.after[d], 0);
    set_all(rest.slice(d, 0, b), value);
    set_all(rest.slice(d, std::max(b, e), n), value);
    rest = rest.slice(d, b, e);
  }
  copy_into(rest, plan.in_source(x.detach()));
  return record("pad", y, {x}, [plan](const Tensor<T>& g, Slots<T>& into) {
    if (!plan.crops()) return into.add(0, plan.in_result(g));
    into.add_region(0, plan.in_result(g), [&](const Tensor<T>& whole) { return plan.in_source(whole); });
  });
}

/// Where each place along a padded dimension takes its element from.
inline Tensor<std::int64_t> pad_sources(std::int64_t n, std::int64_t before, std::int64_t size,
                                        const PadOptions& options) {
  const std::int64_t after = size - n - before, widest = std::max(before, after);
  const bool reflect = options.mode == "reflect", circular = options.mode == "circular";
  // What goes round is what is left after cutting.
  const std::int64_t first = std::max<std::int64_t>(-before, 0), round = n - first - std::max<std::int64_t>(-after, 0);
  if (widest > (reflect ? n - 1 : circular ? std::max<std::int64_t>(round, 0) : n == 0 ? 0 : widest))
    raise<ShapeError>("pad: ", options.mode.name(), " padding of ", widest, " is too wide for size ",
                      circular ? round : n);
  auto index = Tensor<std::int64_t>::empty({size});
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int64_t j = i - before;
    index.data()[i] = reflect    ? (j < 0    ? -j
                                    : j >= n ? 2 * (n - 1) - j
                                             : j)
                      : circular ? (j < first            ? j + round
                                    : j >= first + round ? j - round
                                                         : j)
                                 : std::clamp<std::int64_t>(j, 0, n - 1);
  }
  return index;
}

}  // namespace detail

/// x with `pads` added around: {before, after} of the last dimension, then of the one before it, and so on. Negative
/// ones cut away. reflect leaves out the edge; its padding must be narrower than x, a circular one, which goes round
/// what is left, no wider than that.
template <Scalar T>
Tensor<T> pad(const Tensor<T>& x, const std::vector<std::int64_t>& pads, PadOptions options = {}) {
  const detail::PadPlan plan(x.shape(), pads);
  if (options.mode == "constant") return detail::pad_constant(x, plan, detail::convert<T>(options.value));
  auto y = x;
  for (int d = 0; d < x.rank(); ++d)
    if (plan.before[d] != 0 || plan.after[d] != 0)
      y = index_select(y, d, detail::pad_sources(x.size(d), plan.before[d], plan.shape[d], options));
  return y;
}

namespace detail {

/// x's elements with the dimensions of `mask` walked backwards.
template <Scalar T>
Tensor<T> reversed(const Tensor<T>& x, std::uint32_t mask) {
  Shape strides = x.strides();
  T* first = x.data();
  for (int d = 0; d < x.rank(); ++d)
    if ((mask >> d & 1u) && x.numel() > 0) {
      first += (x.shape()[d] - 1) * strides[d];
      strides[d] = -strides[d];
    }
  return x.alias(first, x.shape(), strides);
}

/// x's parts along d, those from `begin` on first, as a fresh tensor.
template <Scalar T>
Tensor<T> rotated(const Tensor<T>& x, int d, std::int64_t begin) {
  auto y = Tensor<T>::empty(x.shape());
  const auto n = x.shape()[d], from = x.strides()[d], to = y.strides()[d];
  Shape head = x.shape(), tail = x.shape();
  head[d] = n - begin;
  tail[d] = begin;
  copy_into(y.alias(y.data(), head, y.strides()), x.alias(x.data() + begin * from, head, x.strides()));
  copy_into(y.alias(y.data() + (n - begin) * to, tail, y.strides()), x.alias(x.data(), tail, x.strides()));
  return y;
}
template <Scalar T>
Tensor<T> roll_along(const Tensor<T>& x, int d, std::int64_t shift) {
  const auto n = x.shape()[d];
  if (n == 0) return clone(x);
  const auto begin = ((-shift) % n + n) % n;
  return record("roll", rotated(x, d, begin), {x}, [d, n, begin](const Tensor<T>& g, Slots<T>& into) {
    if (into.wants(0)) into.add(0, rotated(g, d, (n - begin) % n));
  });
}

/// x with 0 outside the triangle: above the diagonal for `lower`, below it otherwise.
template <Scalar T>
Tensor<T> triangle(const char* op, const Tensor<T>& x, bool lower, std::int64_t diagonal) {
  if (x.rank() < 2) raise<ShapeError>(op, ": needs at least two dimensions, got ", x.shape());
  auto y = copy_of(x);
  const auto rows = x.size(-2), columns = x.size(-1);
  if (y.numel() > 0)
    parallel_for(y.numel() / columns, 1 + (1 << 15) / columns, [&](std::int64_t b, std::int64_t e) {
      for (std::int64_t r = b; r < e; ++r) {
        T* row = y.data() + r * columns;
        const auto edge = std::clamp<std::int64_t>(r % rows + diagonal + (lower ? 1 : 0), 0, columns);
        if (lower)
          std::fill(row + edge, row + columns, T(0));
        else
          std::fill(row, row + edge, T(0));
      }
    });
  return record(op, y, {x}, [op, lower, diagonal](const Tensor<T>& g, Slots<T>& into) {
    if (into.wants(0)) into.add(0, triangle(op, g, lower, diagonal));
  });
}

}  // namespace detail

/// x with the elements along `dims` in reverse order, as a copy.
template <Scalar T>
Tensor<T> flip(const Tensor<T>& x, const Dims& dims) {
  const auto mask = dims.empty() ? 0u : detail::dim_mask("flip", dims, x.rank());
  return record("flip", detail::copy_of(detail::reversed(x, mask)), {x}, [mask](const Tensor<T>& g, Slots<T>& into) {
    if (into.wants(0)) into.map(0, detail::Copy<T>{}, detail::reversed(g, mask));
  });
}
template <Scalar T>
Tensor<T> Tensor<T>::flip(const Dims& dims) const {
  return shunt::flip(*this, dims);
}

/// x moved by `shifts` along `dims`, what leaves at the end coming back at the start. Without dims: as one long row.
template <Scalar T>
Tensor<T> roll(const Tensor<T>& x, const Dims& shifts, const Dims& dims = {}) {
  if (dims.empty() && shifts.rank() == 1)
    return reshape(detail::roll_along(reshape(x, {x.numel()}), 0, shifts[0]), x.shape());
  if (dims.rank() != shifts.rank() || dims.empty())
    detail::raise<ValueError>("roll: ", shifts.rank(), " shifts for ", dims.rank(), " dimensions");
  auto y = x;
  for (int i = 0; i < dims.rank(); ++i) {
    const int d = detail::wrap_dim("roll", dims[i], x.rank());
    if (x.rank() > 0) y = detail::roll_along(y, d, shifts[i]);
  }
  return y;
}
template <Scalar T>
Tensor<T> Tensor<T>::roll(const Dims& shifts, const Dims& dims) const {
  return shunt::roll(*this, shifts, dims);
}

/// The matrices (the last two dimensions) of x on and below a diagonal; 0 above it.
template <Scalar T>
Tensor<T> tril(const Tensor<T>& x, std::int64_t diagonal = 0) {
  return detail::triangle("tril", x, true, diagonal);
}
template <Scalar T>
Tensor<T> Tensor<T>::tril(std::int64_t diagonal) const {
  return shunt::tril(*this, diagonal);
}
/// The matrices of x on and above a diagonal; 0 below it.
template <Scalar T>
Tensor<T> triu(const Tensor<T>& x, std::int64_t diagonal = 0) {
  return detail::triangle("triu", x, false, diagonal);
}
template <Scalar T>
Tensor<T> Tensor<T>::triu(std::int64_t diagonal) const {
  return shunt::triu(*this, diagonal);
}

namespace detail {

/// Sizes of a pixel shuffle by r: (n, c r^2, h, w) on one side, (n, c, h r, w r) on the other.
struct PixelPlan {
  Shape coarse, fine;
  std::int64_t r;

  /// Copies between dense tensors of the two shapes, one of the r^2 grids of pixels at a time: rows of w elements,
  /// where one copy of the permuted view would make rows of r.
  template <Scalar T>
  void copy(const Tensor<T>& to, const Tensor<T>& from, bool to_fine) const {
    const auto h = coarse[coarse.rank() - 2], w = coarse[coarse.rank() - 1];
    const Shape shape{coarse.numel() / std::max<std::int64_t>(h * w * r * r, 1), h, w};
    const Shape in_coarse{r * r * h * w, w, 1}, in_fine{r * r * h * w, r * r * w, r};
    if (coarse.numel() == 0) return;
    for (std::int64_t i = 0; i < r; ++i)
      for (std::int64_t j = 0; j < r; ++j) {
        const auto at_coarse = (i * r + j) * h * w, at_fine = i * r * w + j;
        copy_into(to.alias(to.data() + (to_fine ? at_fine : at_coarse), shape, to_fine ? in_fine : in_coarse),
                  from.alias(from.data() + (to_fine ? at_coarse : at_fine), shape, to_fine ? in_coarse : in_fine));
      }
  }
};

template <Scalar T>
Tensor<T> shuffle_pixels(const char* op, const Tensor<T>& x, const PixelPlan& plan, bool to_fine) {
  auto y = Tensor<T>::empty(to_fine ? plan.fine : plan.coarse);
  plan.copy(y, dense(x.detach()), to_fine);
  return record(op, y, {x}, [op, plan, to_fine](const Tensor<T>& g, Slots<T>& into) {
    if (into.wants(0)) into.add(0, shuffle_pixels(op, g, plan, !to_fine));
  });
}

}  // namespace detail

/// (.., c r^2, h, w) -> (.., c, h r, w r): channels become pixels (Shi et al. 2016).
template <Scalar T>
Tensor<T> pixel_shuffle(const Tensor<T>& x, std::int64_t r) {
  if (r < 1) detail::raise<ValueError>("pixel_shuffle: the factor must be positive, got ", r);
  if (x.rank() < 3 || x.size(-3) % (r * r) != 0)
    detail::raise<ShapeError>("pixel_shuffle: channels of ", x.shape(), " are not a multiple of ", r * r);
  detail::PixelPlan plan{x.shape(), x.shape(), r};
  const int c = x.rank() - 3;
  plan.fine[c] /= r * r;
  plan.fine[c + 1] *= r;
  plan.fine[c + 2] *= r;
  return detail::shuffle_pixels("pixel_shuffle", x, plan, true);
}
/// (.., c, h r, w r) -> (.., c r^2, h, w): the inverse of pixel_shuffle.
template <Scalar T>
Tensor<T> pixel_unshuffle(const Tensor<T>& x, std::int64_t r) {
  if (r < 1) detail::raise<ValueError>("pixel_unshuffle: the factor must be positive, got ", r);
  if (x.rank() < 3 || x.size(-2) % r != 0 || x.size(-1) % r != 0)
    detail::raise<ShapeError>("pixel_unshuffle: height and width of ", x.shape(), " are not multiples of ", r);
  detail::PixelPlan plan{x.shape(), x.shape(), r};
  const int c = x.rank() - 3;
  plan.coarse[c] *= r * r;
  plan.coarse[c + 1] /= r;
  plan.coarse[c + 2] /= r;
  return detail::shuffle_pixels("pixel_unshuffle", x, plan, false);
}

}  // namespace shunt
