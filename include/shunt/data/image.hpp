// Pictures: PNG and JPEG files as tensors, and resizing.
//
// stb_image decodes them. One unit of a program holds its code, by STB_IMAGE_IMPLEMENTATION, defined before this header
// is included.
#pragma once

#if defined(STB_IMAGE_IMPLEMENTATION) && !defined(STBI_MALLOC)
// What a damaged picture lacks shall show nothing of the memory's former content.
#define STBI_MALLOC(size) std::calloc(1, size)
#define STBI_REALLOC(p, size) std::realloc(p, size)
#define STBI_FREE(p) std::free(p)
#define SHUNT_STBI_MALLOC
#include <cstdlib>
#endif
#if __has_include(<stb/stb_image.h>)
#include <stb/stb_image.h>
#elif __has_include(<stb_image.h>)
#include <stb_image.h>
#else
#error "shunt/data/image.hpp needs stb_image.h: install the Debian package libstb-dev"
#endif
#ifdef SHUNT_STBI_MALLOC
#undef STBI_MALLOC
#undef STBI_REALLOC
#undef STBI_FREE
#undef SHUNT_STBI_MALLOC
#endif

#include <memory>
#include <numeric>

#include "shunt/data/png.hpp"
#include "shunt/ops/arithmetic.hpp"
#include "shunt/ops/interpolate.hpp"

namespace shunt::data {

struct LoadImageOptions {
  std::int64_t max_pixels = std::int64_t{1}
                            << 26;  ///< A larger picture is an IoError; decoding takes 3 to 12 bytes each.
};

namespace detail {

/// IoError for a file that ends before its picture does, of which stb_image makes something grey; for more scans than a
/// real picture has; and for Huffman tables of more than 255 symbols, with which stb_image 2.27 writes outside them.
inline void check_jpeg(const Bytes& file) {
  const auto& b = file.data;
  const auto need = [&](std::size_t n) {
    if (n > b.size()) shunt::detail::raise_io(file.path, "ends before the JPEG picture does");
  };
  const auto bad = [&](const char* what, std::size_t at) {
    shunt::detail::raise_io(file.path, "is damaged: ", what, " at byte ", at);
  };
  const auto restarts = [](int marker) { return marker >= 0xd0 && marker <= 0xd7; };
  int scans = 0;
  for (std::size_t at = 2;;) {
    need(at + 2);
    if (b[at] != 0xff) bad("no JPEG marker", at);
    const int marker = b[at + 1];
    at += marker == 0xff ? 1 : 2;
    if (marker == 0xd9) return;
    if (marker == 0xff || marker == 0x01 || restarts(marker)) continue;
    need(at + 2);
    const auto end = at + (std::size_t{b[at]} << 8 | b[at + 1]);
    for (auto table = at + 2; marker == 0xc4 && table < end;) {
      need(table + 17);
      const auto symbols = std::accumulate(&b[table + 1], &b[table + 1] + 16, std::size_t{0});
      if (symbols > 255) bad("a Huffman table that is none", table);
      table += 17 + symbols;
    }
    at = end;
    if (marker != 0xda) continue;
    if (++scans > 100) bad("yet another scan", at);
    for (need(at + 2); b[at] != 0xff || b[at + 1] == 0 || restarts(b[at + 1]); need(at + 2)) ++at;  // the scan's data
  }
}

}  // namespace detail

/// The picture in a PNG or JPEG file as (3, h, w): red, green and blue, 8 bits each; grey has three equal channels,
/// transparency is left out. IoError for files of other kinds, damaged or truncated ones, and pictures that are too
/// large, as are those that claim more pixels than their bytes can hold.
[[gnu::cold]] inline Tensor<std::uint8_t> load_image(const std::string& path, LoadImageOptions options = {}) {
  const auto file = read_file(path);
  const auto& b = file.data;
  if (b.size() > 0x7fffffff) shunt::detail::raise_io(path, "is too large for a picture");
  const auto check_size = [&](std::int64_t w, std::int64_t h, std::int64_t most_in_a_byte) {
    const auto limit = std::min(options.max_pixels, static_cast<std::int64_t>(b.size()) * most_in_a_byte);
    if (h > 0 && w > limit / h)
      shunt::detail::raise_io(path, "is a picture of ", w, " x ", h, " pixels, at most ", limit, " are read");
  };
  const int length = static_cast<int>(b.size());
  int w = 0, h = 0, channels = 0;
  const auto refuse = [&] { shunt::detail::raise_io(path, "cannot be decoded: ", ::stbi_failure_reason()); };
  if (b.size() > 8 && std::memcmp(b.data(), detail::png_signature, 8) == 0) {
    const auto size = detail::check_png(file);
    check_size(size.w, size.h, 1032 * 8);  // deflate packs 1032 bytes into one
  } else if (b.size() > 3 && b[0] == 0xff && b[1] == 0xd8 && b[2] == 0xff) {
    detail::check_jpeg(file);
    if (::stbi_info_from_memory(b.data(), length, &w, &h, &channels) == 0) refuse();
    check_size(w, h, 64 * 8);  // each block of 8 x 8 pixels takes a bit at least
  } else {
    shunt::detail::raise_io(path, "is neither PNG nor JPEG");
  }
  const std::unique_ptr<stbi_uc, void (*)(void*)> decoded(
      ::stbi_load_from_memory(b.data(), length, &w, &h, &channels, 3), ::stbi_image_free);
  if (!decoded) refuse();
  auto image = Tensor<std::uint8_t>::empty({3, h, w});
  const auto area = std::int64_t{w} * h;
  for (std::int64_t i = 0; i < area; ++i)
    for (std::int64_t c = 0; c < 3; ++c) image.data()[c * area + i] = decoded.get()[3 * i + c];
  return image;
}

/// The picture (c, h, w) at another size, between four pixels by bilinear interpolate(); to make it much smaller,
/// average it first.
inline Tensor<std::uint8_t> resize(const Tensor<std::uint8_t>& image, const Pair& size) {
  if (image.rank() != 3) shunt::detail::raise<ShapeError>("resize: needs (c, h, w), got ", image.shape());
  const auto y = interpolate(image.to<float>().unsqueeze(0), {.size = size, .mode = "bilinear"});
  return (y + 0.5F).to<std::uint8_t>().squeeze(0);
}

}  // namespace shunt::data
