// The elements of tensors as files hold them: little-endian, dense, of types that we keep or widen.
#pragma once

#include <bit>
#include <cstdint>

#include "shunt/core/any_tensor.hpp"
#include "shunt/core/file.hpp"

namespace shunt::io {

static_assert(std::endian::native == std::endian::little, "files are read and written as they lie in memory");

/// Types in files; what we have no type for is widened as it is read.
enum class Element : std::uint8_t { f32, f64, bf16, i64, i32, u8, boolean, f16, i8, i16, u16, u32, u64, e4m3, e5m2 };
inline constexpr int element_count = 15;

inline const char* to_string(Element e) {
  constexpr const char* names[] = {"float32", "float64", "bfloat16", "int64",       "int32",
                                   "uint8",   "bool",    "float16",  "int8",        "int16",
                                   "uint16",  "uint32",  "uint64",   "float8_e4m3", "float8_e5m2"};
  return names[static_cast<int>(e)];
}

/// How files are read.
struct ReadOptions {
  /// Tensors lie in the file's pages, mapped privately, where the reader and the tensor's type allow it: nothing is
  /// copied before it is used, and what is written into them never reaches the file. The mapping ends with the last of
  /// these tensors. While it lives the file must not be overwritten in place or made shorter, which would change the
  /// values or end the process (SIGBUS); replacing it by another one, as all writers here do, is safe. Without `map`
  /// everything is copied.
  bool map = true;
  /// What compressed content may take in memory when that is more than 32 times the file's size.
  std::uint64_t max_unpacked = std::uint64_t{1} << 28;
};

namespace detail {

inline std::uint64_t element_size(Element e) {
  constexpr std::uint8_t sizes[] = {4, 8, 2, 8, 4, 1, 1, 2, 1, 2, 2, 4, 8, 1, 1};
  return sizes[static_cast<int>(e)];
}
/// What a DType is in files; ValueError for dual numbers.
inline Element element_of(DType d) {
  if (d == DType::other) shunt::detail::raise<ValueError>("io: tensors of this type cannot be written");
  return static_cast<Element>(d);
}

inline float half_to_float(std::uint16_t h) {
  const std::uint32_t sign = static_cast<std::uint32_t>(h & 0x8000u) << 16, e = h >> 10 & 31u, m = h & 0x3ffu;
  if (e == 0) {
    const float tiny = static_cast<float>(m) * 0x1p-24f;
    return sign != 0 ? -tiny : tiny;
  }
  return std::bit_cast<float>(sign | (e == 31 ? 0x7f800000u : (e + 112) << 23) | m << 13);
}
/// 4 bits of exponent, 3 of mantissa, no infinities (Micikevicius et al. 2022).
inline float e4m3_to_float(std::uint8_t v) {
  const std::uint32_t sign = static_cast<std::uint32_t>(v & 0x80u) << 24, e = v >> 3 & 15u, m = v & 7u;
  if (e == 0) {
    const float tiny = static_cast<float>(m) * 0x1p-9f;
    return sign != 0 ? -tiny : tiny;
  }
  return std::bit_cast<float>(sign | (e == 15 && m == 7 ? 0x7fc00000u : (e + 120) << 23 | m << 20));
}
/// The upper half of a float16.
inline float e5m2_to_float(std::uint8_t v) { return half_to_float(static_cast<std::uint16_t>(v << 8)); }

/// Memory that a tensor may lie in, and its first byte there.
struct Place {
  shunt::detail::Ref<shunt::detail::Storage> storage;
  unsigned char* first = nullptr;
};
/// Bytes that elements are read from. The caller sees to it that they are there.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  /// What errors name.
  virtual const std::string& path() const = 0;
  virtual void read(std::uint64_t offset, void* to, std::uint64_t n) const = 0;
  /// Where these bytes are, if a tensor may lie there.
  virtual Place place(std::uint64_t) const { return {}; }
};

template <Scalar T>
Tensor<T> read_as(const Source& from, std::uint64_t offset, const Shape& shape) {
  const auto n = shunt::detail::checked_numel("io", shape);
  if (auto place = n > 0 ? from.place(offset) : Place{}; place.storage) {
    if (reinterpret_cast<std::uintptr_t>(place.first) % alignof(T) == 0)
      return Tensor<T>(std::move(place.storage), reinterpret_cast<T*>(place.first), shape,
                       shunt::detail::dense_strides(shape));
  }
  auto t = Tensor<T>::empty(shape);
  from.read(offset, t.data(), static_cast<std::uint64_t>(n) * sizeof(T));
  return t;
}
/// The elements as `convert` gives them, one by one.
template <Scalar T, class From, class F>
Tensor<T> read_widened(const Source& from, std::uint64_t offset, const Shape& shape, const F& convert) {
  auto t = Tensor<T>::empty(shape);
  From block[2048];
  for (std::int64_t i = 0; i < t.numel();) {
    const auto n = std::min<std::int64_t>(t.numel() - i, 2048);
    from.read(offset + static_cast<std::uint64_t>(i) * sizeof(From), block,
              static_cast<std::uint64_t>(n) * sizeof(From));
    for (std::int64_t j = 0; j < n; ++j, ++i) t.data()[i] = convert(block[j]);
  }
  return t;
}

/// Elements from `offset` on; the caller has compared their number with what is there.
inline AnyTensor read_elements(const Source& from, std::uint64_t offset, Element e, const Shape& shape) {
  const auto to_i32 = [](auto v) { return static_cast<std::int32_t>(v); };
  switch (e) {
    case Element::f32: return read_as<float>(from, offset, shape);
    case Element::f64: return read_as<double>(from, offset, shape);
    case Element::bf16: return read_as<bfloat16>(from, offset, shape);
    case Element::i64: return read_as<std::int64_t>(from, offset, shape);
    case Element::i32: return read_as<std::int32_t>(from, offset, shape);
    case Element::u8: return read_as<std::uint8_t>(from, offset, shape);
    case Element::boolean:
      return read_widened<bool, std::uint8_t>(from, offset, shape, [&](std::uint8_t v) {
        if (v > 1) shunt::detail::raise_io(from.path(), "a bool has the value ", v);
        return v == 1;
      });
    case Element::f16: return read_widened<float, std::uint16_t>(from, offset, shape, half_to_float);
    case Element::e4m3: return read_widened<float, std::uint8_t>(from, offset, shape, e4m3_to_float);
    case Element::e5m2: return read_widened<float, std::uint8_t>(from, offset, shape, e5m2_to_float);
    case Element::i8: return read_widened<std::int32_t, std::int8_t>(from, offset, shape, to_i32);
    case Element::i16: return read_widened<std::int32_t, std::int16_t>(from, offset, shape, to_i32);
    case Element::u16: return read_widened<std::int32_t, std::uint16_t>(from, offset, shape, to_i32);
    case Element::u32:
      return read_widened<std::int64_t, std::uint32_t>(from, offset, shape,
                                                       [](std::uint32_t v) { return static_cast<std::int64_t>(v); });
    case Element::u64:
      return read_widened<std::int64_t, std::uint64_t>(from, offset, shape, [&](std::uint64_t v) {
        if (v >> 63 != 0) shunt::detail::raise_io(from.path(), "the uint64 ", v, " does not fit int64");
        return static_cast<std::int64_t>(v);
      });
  }
  return {};
}

/// f(bytes, size) on the elements in row-major order, in one piece if they are dense, else row by row.
template <Scalar T, class F>
void visit_bytes(const Tensor<T>& x, const F& f) {
  if (x.is_contiguous()) return f(x.data(), static_cast<std::size_t>(x.numel()) * sizeof(T));
  const auto width = x.shape().back(), step = x.strides()[x.rank() - 1];
  const auto row = Tensor<T>::empty({width});
  Shape index = Shape::filled(x.rank(), 0);
  const T* p = x.data();
  for (std::int64_t i = 0; i < x.numel(); i += width) {
    for (std::int64_t j = 0; j < width; ++j) row.data()[j] = p[j * step];
    f(row.data(), static_cast<std::size_t>(width) * sizeof(T));
    for (int d = x.rank() - 2; d >= 0; --d) {
      p += x.strides()[d];
      if (++index[d] < x.shape()[d]) break;
      p -= index[d] * x.strides()[d];
      index[d] = 0;
    }
  }
}
template <class F>
void visit_bytes(const AnyTensor& x, const F& f) {
  switch (x.dtype()) {
    case DType::float32: return visit_bytes(x.as<float>(), f);
    case DType::float64: return visit_bytes(x.as<double>(), f);
    case DType::bfloat16: return visit_bytes(x.as<bfloat16>(), f);
    case DType::int64: return visit_bytes(x.as<std::int64_t>(), f);
    case DType::int32: return visit_bytes(x.as<std::int32_t>(), f);
    case DType::uint8: return visit_bytes(x.as<std::uint8_t>(), f);
    case DType::boolean: return visit_bytes(x.as<bool>(), f);
    case DType::other: element_of(x.dtype());
  }
}

/// The bytes that elements of these sizes take, or no number that a file could have (2^63) if a size is negative, or
/// the sizes other than 0 have a product above 2^56, which no tensor has.
inline std::uint64_t bytes_of(const std::int64_t* sizes, std::size_t rank, Element e) {
  constexpr std::uint64_t too_many = std::uint64_t{1} << 63, most = std::uint64_t{1} << 56;
  std::uint64_t n = 1;
  bool zero = false;
  for (std::size_t i = 0; i < rank; ++i) {
    if (sizes[i] < 0) return too_many;
    zero = zero || sizes[i] == 0;
    if (sizes[i] == 0) continue;
    if (n > most / static_cast<std::uint64_t>(sizes[i])) return too_many;
    n *= static_cast<std::uint64_t>(sizes[i]);
  }
  return zero ? 0 : n * element_size(e);
}

}  // namespace detail
}  // namespace shunt::io
