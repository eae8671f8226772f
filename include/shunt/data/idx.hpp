// IDX files, in which MNIST and its kin are published (LeCun, Cortes and Burges 1998).
#pragma once

#include "shunt/core/any_tensor.hpp"
#include "shunt/data/bytes.hpp"
#include "shunt/ops/view.hpp"

namespace shunt::data {
namespace detail {

/// n big-endian numbers of type From at p.
template <Scalar T, class From>
Tensor<T> from_big_endian(const unsigned char* p, const Shape& shape) {
  auto y = Tensor<T>::empty(shape);
  for (std::int64_t i = 0; i < y.numel(); ++i, p += sizeof(From)) {
    unsigned char turned[sizeof(From)];
    std::reverse_copy(p, p + sizeof(From), turned);
    From v;
    std::memcpy(&v, turned, sizeof v);
    y.data()[i] = static_cast<T>(v);
  }
  return y;
}

}  // namespace detail

/// The array in an IDX file: uint8, int32, float or double; 8- and 16-bit integers with a sign come as int32. A file
/// that is not what it claims to be is an IoError.
inline AnyTensor load_idx(const Bytes& file) {
  const auto& b = file.data;
  if (b.size() >= 2 && b[0] == 0x1f && b[1] == 0x8b)
    shunt::detail::raise_io(file.path, "is gzip-compressed; load_idx(read_gzip(path)) of shunt/data/gzip.hpp reads it");
  if (b.size() < 4 || b[0] != 0 || b[1] != 0) shunt::detail::raise_io(file.path, "is no IDX file");
  const int type = b[2], rank = b[3];
  constexpr int types[] = {0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e}, sizes[] = {1, 1, 2, 4, 4, 8};
  const auto* known = std::find(std::begin(types), std::end(types), type);
  if (known == std::end(types)) shunt::detail::raise_io(file.path, "is no IDX file: type ", type, " is unknown");
  if (rank > max_rank) shunt::detail::raise_io(file.path, "claims ", rank, " dimensions, more than ", max_rank);
  const auto begin = 4 + 4 * static_cast<std::size_t>(rank);
  if (b.size() < begin) shunt::detail::raise_io(file.path, "ends within the IDX header");

  Shape shape;
  std::uint64_t bytes = static_cast<std::uint64_t>(sizes[known - types]);
  bool fits = true, zero = false;
  for (std::size_t at = 4; at < begin; at += 4) {
    const std::int64_t n = std::int64_t{b[at]} << 24 | b[at + 1] << 16 | b[at + 2] << 8 | b[at + 3];
    shape.push_back(n);
    zero = zero || n == 0;
    fits = fits && !__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(n), &bytes);
  }
  if (zero) bytes = 0;
  if (!(fits || zero) || bytes != b.size() - begin)
    shunt::detail::raise_io(file.path, "claims ", shape, " of ", sizes[known - types], " bytes each, and has ",
                            b.size() - begin, " bytes");
  const auto* p = b.data() + begin;
  switch (type) {
    case 0x08: return detail::from_big_endian<std::uint8_t, std::uint8_t>(p, shape);
    case 0x09: return detail::from_big_endian<std::int32_t, std::int8_t>(p, shape);
    case 0x0b: return detail::from_big_endian<std::int32_t, std::int16_t>(p, shape);
    case 0x0c: return detail::from_big_endian<std::int32_t, std::int32_t>(p, shape);
    case 0x0d: return detail::from_big_endian<float, float>(p, shape);
    default: return detail::from_big_endian<double, double>(p, shape);
  }
}
inline AnyTensor load_idx(const std::string& path) { return load_idx(read_file(path)); }

}  // namespace shunt::data
