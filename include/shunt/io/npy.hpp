// NumPy's .npy files: one array, versions 1 to 3 of the format.
#pragma once

#include <string_view>

#include "shunt/io/atomic_file.hpp"
#include "shunt/io/file_source.hpp"

namespace shunt::io {
namespace detail {

/// Byte order and type, as NumPy names them ("<f4"), for each Element.
inline const char* npy_descr(Element e) {
  constexpr const char* names[] = {"<f4", "<f8", "",    "<i8", "<i4", "|u1", "|b1", "<f2",
                                   "|i1", "<i2", "<u2", "<u4", "<u8", "",    ""};
  return names[static_cast<int>(e)];
}

struct NpyHeader {
  Element element;
  bool fortran_order;
  Shape shape;
};

/// The header's text, a Python dict with the keys descr, fortran_order and shape.
class NpyParser {
 public:
  NpyParser(const std::string& path, std::string_view text) : path_(path), rest_(text) {}

  NpyHeader parse() {
    NpyHeader h{};
    int seen = 0;
    expect('{');
    while (!take('}')) {
      const auto key = quoted();
      expect(':');
      const int bit = key == "descr" ? 1 : key == "fortran_order" ? 2 : key == "shape" ? 4 : 0;
      if (bit == 0 || (seen & bit)) bad("an unknown or repeated key");
      seen |= bit;
      if (bit == 1)
        h.element = element();
      else if (bit == 2)
        h.fortran_order = boolean();
      else
        h.shape = shape();
      if (!take(',') && peek() != '}') bad("a missing comma");
    }
    skip();
    if (!rest_.empty()) bad("text behind its end");
    if (seen != 7) bad("a missing key");
    return h;
  }

 private:
  [[noreturn]] void bad(const char* what) const { shunt::detail::raise_io(path_, "the npy header has ", what); }
  void skip() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n' || rest_[0] == '\t')) rest_.remove_prefix(1);
  }
  char peek() {
    skip();
    return rest_.empty() ? '\0' : rest_[0];
  }
  bool take(char c) {
    if (peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) bad("a form that cannot be read");
  }
  std::string_view quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') bad("a form that cannot be read");
    const auto end = rest_.find(quote, 1);
    if (end == std::string_view::npos) bad("a text without an end");
    const auto text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }
  Element element() {
    if (peek() == '[') shunt::detail::raise_io(path_, "arrays of records cannot be read");
    const auto descr = quoted();
    for (int e = 0; e < element_count; ++e) {
      const std::string_view ours = npy_descr(static_cast<Element>(e));
      if (ours.empty() || descr.size() != 3 || descr.substr(1) != ours.substr(1)) continue;
      if (descr[0] == '>' && ours[0] != '|')
        shunt::detail::raise_io(path_, "big-endian data ('", descr, "') cannot be read");
      if (descr[0] == ours[0] || descr[0] == '=' || ours[0] == '|') return static_cast<Element>(e);
    }
    shunt::detail::raise_io(path_, "data of type '", descr, "' cannot be read");
  }
  bool boolean() {
    skip();
    for (const std::string_view word : {"True", "False"})
      if (rest_.starts_with(word)) {
        rest_.remove_prefix(word.size());
        return word == "True";
      }
    bad("neither True nor False for fortran_order");
  }
  Shape shape() {
    Shape s;
    expect('(');
    while (!take(')')) {
      std::int64_t n = 0;
      if (peek() < '0' || peek() > '9') bad("a size that is no number");
      for (; !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; rest_.remove_prefix(1))
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, rest_[0] - '0', &n))
          bad("a size that is too large");
      if (s.rank() == max_rank) bad("more than 8 dimensions");
      s.push_back(n);
      if (!take(',') && peek() != ')') bad("a missing comma");
    }
    return s;
  }

  const std::string& path_;
  std::string_view rest_;
};

/// x in the other order: read as if it were row-major with its sizes reversed.
template <Scalar T>
Tensor<T> from_fortran(const Tensor<T>& reversed, const Shape& shape) {
  auto y = Tensor<T>::empty(shape);
  Shape strides = shape;
  std::int64_t step = 1;
  for (int d = 0; d < shape.rank(); ++d) strides[d] = std::exchange(step, step * shape[d]);
  std::byte* out = reinterpret_cast<std::byte*>(y.data());
  visit_bytes(reversed.alias(reversed.data(), shape, strides), [&](const void* row, std::size_t n) {
    if (n > 0) std::memcpy(out, row, n);
    out += n;
  });
  return y;
}
inline AnyTensor from_fortran(const AnyTensor& x, const Shape& shape) {
  switch (x.dtype()) {
    case DType::float32: return from_fortran(x.as<float>(), shape);
    case DType::float64: return from_fortran(x.as<double>(), shape);
    case DType::int64: return from_fortran(x.as<std::int64_t>(), shape);
    case DType::int32: return from_fortran(x.as<std::int32_t>(), shape);
    case DType::uint8: return from_fortran(x.as<std::uint8_t>(), shape);
    case DType::boolean: return from_fortran(x.as<bool>(), shape);
    default: return x;
  }
}

/// The array in `size` bytes; `element` is what they say that it holds.
inline AnyTensor read_npy(const Source& from, std::uint64_t size, Element& element) {
  const auto& path = from.path();
  unsigned char start[12] = {};
  from.read(0, start, std::min<std::uint64_t>(size, 12));
  if (std::memcmp(start, "\x93NUMPY", 6) != 0) shunt::detail::raise_io(path, "is no npy file");
  const int version = start[6];
  if (version < 1 || version > 3) shunt::detail::raise_io(path, "version ", version, " of the npy format is unknown");
  const std::uint64_t begin = version == 1 ? 10 : 12;
  std::uint64_t length = start[8] | std::uint64_t{start[9]} << 8;
  if (version > 1) length |= std::uint64_t{start[10]} << 16 | std::uint64_t{start[11]} << 24;
  if (begin + length > size) shunt::detail::raise_io(path, "ends within the npy header");
  std::string text(length, '\0');
  from.read(begin, text.data(), length);
  const auto h = NpyParser(path, text).parse();
  const auto bytes = bytes_of(h.shape.begin(), h.shape.size(), h.element);
  const auto there = size - begin - length;
  if (bytes != there)
    shunt::detail::raise_io(path, "an array of ", h.shape, " ", h.element, " takes ", bytes, " bytes, the file has ",
                            there);
  element = h.element;
  if (!h.fortran_order || h.shape.rank() < 2) return read_elements(from, begin + length, h.element, h.shape);
  Shape reversed;
  for (int d = h.shape.rank() - 1; d >= 0; --d) reversed.push_back(h.shape[d]);
  return from_fortran(read_elements(from, begin + length, h.element, reversed), h.shape);
}
inline AnyTensor load_npy(const std::string& path, Element& element, ReadOptions options) {
  const FileSource file(path, options);
  return read_npy(file, file.size(), element);
}

/// What stands before the elements; ValueError for types that npy does not have.
[[gnu::cold]] inline std::string npy_start(const char* op, const AnyTensor& x) {
  const std::string descr = npy_descr(element_of(x.dtype()));
  if (descr.empty()) shunt::detail::raise<ValueError>(op, ": npy has no ", x.dtype(), "; convert to float");
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shunt::to_string(x.shape()) + ", }";
  header.append(63 - (10 + header.size()) % 64, ' ');  // data begins at a multiple of 64
  header += '\n';
  std::string start("\x93NUMPY\x01\x00", 8);
  start += static_cast<char>(header.size() & 255);
  start += static_cast<char>(header.size() >> 8);
  return start + header;
}

}  // namespace detail

/// Writes one array, whole or not at all (AtomicFile). npy has no bfloat16: a ValueError.
inline void save_npy(const std::string& path, const AnyTensor& x) {
  const auto start = detail::npy_start("save_npy", x);
  AtomicFile file(path);
  file.write(start.data(), start.size());
  detail::visit_bytes(x, [&](const void* data, std::size_t n) { file.write(data, n); });
  file.commit();
}

/// The array, row-major. float16 comes as float, other integers as the next larger kind that we have. A file that is
/// not what it claims to be is an IoError. With {.map = true} it lies in the file's pages (ReadOptions).
inline AnyTensor load_npy(const std::string& path, ReadOptions options = {.map = false}) {
  Element element;
  return detail::load_npy(path, element, options);
}
/// The array, which must be of this type; IoError naming both otherwise.
template <Scalar T>
Tensor<T> load_npy(const std::string& path, ReadOptions options = {.map = false}) {
  Element element;
  const auto x = detail::load_npy(path, element, options);
  if (element != detail::element_of(dtype_of<T>))
    shunt::detail::raise_io(path, "holds ", element, ", asked for ", dtype_of<T>);
  return x.as<T>();
}

}  // namespace shunt::io
