// PNG files: written, and checked before they are decoded.
#pragma once

#if !__has_include(<zlib.h>)
#error "shunt/data/png.hpp needs zlib.h: install the Debian package zlib1g-dev"
#endif
#include <zlib.h>

#include "shunt/core/tensor.hpp"
#include "shunt/data/bytes.hpp"
#include "shunt/io/atomic_file.hpp"

namespace shunt::data {
namespace detail {

inline constexpr unsigned char png_signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

inline std::uint32_t big_endian32(const unsigned char* p) {
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}
inline void append_big_endian32(std::string& out, std::uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(v >> shift);
}
inline std::string png_chunk(const char* name, std::string_view content) {
  std::string chunk;
  append_big_endian32(chunk, static_cast<std::uint32_t>(content.size()));
  (chunk += name) += content;
  const auto sum = ::crc32(0, reinterpret_cast<const Bytef*>(chunk.data()) + 4, static_cast<uInt>(chunk.size() - 4));
  append_big_endian32(chunk, static_cast<std::uint32_t>(sum));
  return chunk;
}

struct PngSize {
  std::int64_t w, h;
};
/// IoError unless the file is chunks with the right sums, of which the first is IHDR and the last IEND: decoders take
/// others for pictures.
inline PngSize check_png(const Bytes& file) {
  const auto& b = file.data;
  const auto early = [&] { shunt::detail::raise_io(file.path, "ends before the PNG picture does"); };
  constexpr unsigned char start[] = {0, 0, 0, 13, 'I', 'H', 'D', 'R'};
  if (b.size() < 33) early();
  if (std::memcmp(&b[8], start, sizeof start) != 0)
    shunt::detail::raise_io(file.path, "is damaged: no PNG header at its beginning");
  bool has_data = false;
  for (std::size_t at = sizeof png_signature;;) {
    if (b.size() - at < 12) early();
    const std::size_t length = big_endian32(&b[at]);
    if (length > b.size() - at - 12) early();
    if (::crc32(0, &b[at + 4], static_cast<uInt>(length + 4)) != big_endian32(&b[at + 8 + length]))
      shunt::detail::raise_io(file.path, "the PNG chunk at byte ", at, " is damaged");
    const bool is_data = std::memcmp(&b[at + 4], "IDAT", 4) == 0;
    if (is_data && !has_data && length == 0) shunt::detail::raise_io(file.path, "begins its PNG picture with nothing");
    has_data = has_data || is_data;
    const bool last = std::memcmp(&b[at + 4], "IEND", 4) == 0;
    at += 12 + length;
    if (last && at != b.size()) shunt::detail::raise_io(file.path, "has bytes behind its PNG picture");
    if (last) return {big_endian32(&b[16]), big_endian32(&b[20])};
  }
}

}  // namespace detail

/// Writes a picture (3, h, w), red, green and blue, or (1, h, w), grey, whole or not at all (AtomicFile). ShapeError
/// for other shapes.
[[gnu::cold]] inline void save_png(const std::string& path, const Tensor<std::uint8_t>& image) {
  const Shape& shape = image.shape();
  if (shape.rank() != 3 || (shape[0] != 1 && shape[0] != 3) || shape[1] < 1 || shape[2] < 1 ||
      shape[1] > 0x7fffffff / shape[2])
    shunt::detail::raise<ShapeError>("save_png: needs (3, h, w) or (1, h, w), got ", shape);
  const auto c = shape[0], h = shape[1], w = shape[2];
  std::string rows;  // a 2 before each: every byte less the one above it
  rows.reserve(static_cast<std::size_t>(h * (1 + w * c)));
  const auto pixel = [&](std::int64_t k, std::int64_t y, std::int64_t x) {
    return y < 0 ? 0 : image.data()[k * image.strides()[0] + y * image.strides()[1] + x * image.strides()[2]];
  };
  for (std::int64_t y = 0; y < h; ++y) {
    rows += '\2';
    for (std::int64_t x = 0; x < w; ++x)
      for (std::int64_t k = 0; k < c; ++k) rows += static_cast<char>(pixel(k, y, x) - pixel(k, y - 1, x));
  }
  auto size = ::compressBound(static_cast<uLong>(rows.size()));
  std::string packed(size, '\0');
  if (::compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()),
                  static_cast<uLong>(rows.size()), Z_DEFAULT_COMPRESSION) != Z_OK)
    shunt::detail::raise_io(path, "zlib cannot compress the picture");
  packed.resize(size);

  std::string header;
  detail::append_big_endian32(header, static_cast<std::uint32_t>(w));
  detail::append_big_endian32(header, static_cast<std::uint32_t>(h));
  header += {8, static_cast<char>(c == 3 ? 2 : 0), 0, 0, 0};  // bits a channel, colours or grey, and the only methods
  io::AtomicFile file(path);
  const auto write = [&](std::string_view bytes) { file.write(bytes.data(), bytes.size()); };
  write({reinterpret_cast<const char*>(detail::png_signature), sizeof detail::png_signature});
  write(detail::png_chunk("IHDR", header));
  for (std::string_view rest = packed; !rest.empty();) {
    const auto piece = rest.substr(0, 1u << 30);
    write(detail::png_chunk("IDAT", piece));
    rest.remove_prefix(piece.size());
  }
  write(detail::png_chunk("IEND", ""));
  file.commit();
}

}  // namespace shunt::data
