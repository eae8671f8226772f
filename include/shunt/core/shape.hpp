// Shape: the sizes of a tensor, at most 8 of them, kept inline.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <string>
#include <vector>

#include "shunt/core/error.hpp"

namespace shunt {

inline constexpr int max_rank = 8;

/// A short list of integers: sizes, strides or dimensions. Throws ShapeError beyond 8 of them. Prints as `(2, 3)`.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : Shape(dims.begin(), dims.end()) {}
  Shape(const std::vector<std::int64_t>& dims) : Shape(dims.begin(), dims.end()) {}
  template <std::input_iterator It>
  Shape(It first, It last) {
    for (; first != last; ++first) push_back(static_cast<std::int64_t>(*first));
  }
  /// `rank` copies of `value`.
  static Shape filled(int rank, std::int64_t value) {
    Shape s;
    for (int i = 0; i < rank; ++i) s.push_back(value);
    return s;
  }

  int rank() const { return rank_; }
  std::size_t size() const { return static_cast<std::size_t>(rank_); }
  bool empty() const { return rank_ == 0; }
  std::int64_t& operator[](int i) { return dims_[static_cast<std::size_t>(i)]; }
  std::int64_t operator[](int i) const { return dims_[static_cast<std::size_t>(i)]; }
  std::int64_t* begin() { return dims_.data(); }
  std::int64_t* end() { return dims_.data() + rank_; }
  const std::int64_t* begin() const { return dims_.data(); }
  const std::int64_t* end() const { return dims_.data() + rank_; }
  std::int64_t back() const { return dims_[static_cast<std::size_t>(rank_ - 1)]; }

  void push_back(std::int64_t d) {
    if (rank_ == max_rank) detail::raise<ShapeError>("shape: at most ", max_rank, " dimensions are supported");
    dims_[static_cast<std::size_t>(rank_++)] = d;
  }
  void erase(int i) {
    for (; i + 1 < rank_; ++i) (*this)[i] = (*this)[i + 1];
    --rank_;
  }
  void insert(int i, std::int64_t d) {
    push_back(d);
    for (int j = rank_ - 1; j > i; --j) (*this)[j] = (*this)[j - 1];
    (*this)[i] = d;
  }

  /// The product of all sizes; 1 for a scalar's empty shape.
  std::int64_t numel() const {
    std::int64_t n = 1;
    for (auto d : *this) n *= d;
    return n;
  }

  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i)
      if (a[i] != b[i]) return false;
    return true;
  }

 private:
  std::array<std::int64_t, max_rank> dims_{};
  int rank_ = 0;
};

[[gnu::cold, gnu::noinline]] inline std::string to_string(const Shape& s) {
  std::string out = "(";
  for (int i = 0; i < s.rank(); ++i) {
    if (i > 0) out += ", ";
    detail::append_number(out, s[i]);
  }
  return out += s.rank() == 1 ? ",)" : ")";
}

template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& os, const Shape& s) {
  return os << to_string(s);
}

/// Dimensions to work over: a list, or one number. Negative ones count from the end.
struct Dims : Shape {
  Dims() = default;
  Dims(int dim) : Shape({dim}) {}
  Dims(std::int64_t dim) : Shape({dim}) {}
  Dims(std::initializer_list<std::int64_t> dims) : Shape(dims) {}
  Dims(const std::vector<std::int64_t>& dims) : Shape(dims) {}
  Dims(const Shape& dims) : Shape(dims) {}
};

namespace detail {

/// `dim` counted from the front; IndexError outside [-rank, rank). A scalar accepts 0 and -1, as PyTorch's does.
inline int wrap_dim(const char* op, std::int64_t dim, int rank) {
  const std::int64_t r = rank > 0 ? rank : 1;
  if (dim < -r || dim >= r)
    raise<IndexError>(op, ": dimension ", dim, " is outside [", -r, ", ", r - 1, "] of a tensor of rank ", rank);
  return static_cast<int>(dim < 0 ? dim + r : dim);
}

/// One bit a dimension that is named; all of them for an empty list. A dimension named twice is a ValueError.
inline std::uint32_t dim_mask(const char* op, const Dims& dims, int rank) {
  if (dims.empty()) return (1u << rank) - 1u;
  std::uint32_t mask = 0;
  for (auto d : dims) {
    const auto bit = 1u << wrap_dim(op, d, rank);
    if (mask & bit) raise<ValueError>(op, ": dimension ", d, " is named twice");
    mask |= bit;
  }
  return rank == 0 ? 0u : mask;
}

/// Row-major strides of a dense tensor.
inline Shape dense_strides(const Shape& shape) {
  Shape s = shape;
  std::int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    s[i] = step;
    step *= shape[i] > 1 ? shape[i] : 1;
  }
  return s;
}

/// Whether the elements lie in row-major order without gaps, as no elements do under any strides.
inline bool is_dense(const Shape& shape, const Shape& strides) {
  std::int64_t step = 1;
  bool in_order = true;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (shape[i] == 0) return true;
    in_order = in_order && (shape[i] == 1 || strides[i] == step);
    step *= shape[i];
  }
  return in_order;
}

/// The number of elements; ShapeError for a negative size or a count that does not fit.
inline std::int64_t checked_numel(const char* op, const Shape& shape) {
  std::int64_t n = 1;
  bool zero = false;
  for (auto d : shape) {
    if (d < 0) raise<ShapeError>(op, ": negative size in ", shape);
    if (d == 0) zero = true;
  }
  const auto most = std::int64_t{1} << (zero ? 62 : 56);  // beside a 0, strides are still products of the other sizes
  for (auto d : shape) {
    if (d > 0 && n > most / d) raise<ShapeError>(op, ": ", shape, " is too large");
    if (d > 0) n *= d;
  }
  return zero ? 0 : n;
}

/// The shape to which both broadcast by NumPy's rule; ShapeError naming `op` otherwise.
inline Shape broadcast(const char* op, const Shape& a, const Shape& b) {
  if (a == b) return a;
  const int rank = a.rank() > b.rank() ? a.rank() : b.rank();
  Shape out = Shape::filled(rank, 1);
  for (int i = 1; i <= rank; ++i) {
    const auto x = i <= a.rank() ? a[a.rank() - i] : 1, y = i <= b.rank() ? b[b.rank() - i] : 1;
    if (x != y && x != 1 && y != 1) raise<ShapeError>(op, ": shapes do not broadcast: ", a, " and ", b);
    out[rank - i] = x == 1 ? y : x;
  }
  return out;
}

}  // namespace detail
}  // namespace shunt
