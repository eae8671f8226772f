// UTF-8 as files and users give it: decoded where it holds, refused where it does not.
#pragma once

#include <cstdint>
#include <string_view>

namespace shunt::detail {

struct Decoded {
  std::int32_t code = 0xfffd;  ///< U+FFFD where the bytes are not UTF-8.
  std::size_t bytes = 1;
  bool valid = false;
};

/// What stands at text[at]. Of bytes that are not UTF-8 it takes as many as begin a character, at least one: as many
/// as the Unicode Standard (3.9, "maximal subpart") and Python's decoder replace by one U+FFFD.
inline Decoded decode_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const int lead = byte(at);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t length = lead < 0xc2 || lead > 0xf4 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (length == 1) return {};
  int low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;   // no longer form than needed
  int high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;  // no surrogates, nothing above U+10FFFF
  std::int32_t code = lead & (0x7f >> length);
  for (std::size_t k = 1; k < length; ++k) {
    if (at + k == text.size() || byte(at + k) < low || byte(at + k) > high) return {0xfffd, k, false};
    code = code << 6 | (byte(at + k) & 0x3f);
    low = 0x80, high = 0xbf;
  }
  return {code, length, true};
}

/// True for well-formed UTF-8: shortest forms only, no surrogates, nothing beyond U+10FFFF.
inline bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto c = decode_at(text, at);
    if (!c.valid) return false;
    at += c.bytes;
  }
  return true;
}

}  // namespace shunt::detail
