// Text as code points: UTF-8 in and out, the categories that tokenizers ask for, normal forms.
#pragma once

#if !__has_include(<utf8proc.h>)
#error "shunt/data/unicode.hpp needs utf8proc.h: install the Debian package libutf8proc-dev"
#endif
#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shunt/core/utf8.hpp"

namespace shunt::data::detail {

using CodePoints = std::vector<std::int32_t>;

using shunt::detail::decode_at, shunt::detail::is_utf8;

/// All of the text, what is not UTF-8 as U+FFFD.
inline CodePoints code_points(std::string_view text) {
  CodePoints out;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = decode_at(text, at);
    out.push_back(c.code);
    at += c.bytes;
  }
  return out;
}
inline void append_utf8(std::string& out, std::int32_t code) {
  utf8proc_uint8_t bytes[4];
  const auto n = ::utf8proc_encode_char(code, bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
}

inline bool is_category(std::int32_t code, utf8proc_category_t first, utf8proc_category_t last) {
  const auto c = ::utf8proc_category(code);
  return first <= c && c <= last;
}
inline bool is_letter(std::int32_t code) { return is_category(code, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LO); }
inline bool is_number(std::int32_t code) { return is_category(code, UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NO); }
inline bool is_punctuation(std::int32_t code) { return is_category(code, UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PO); }
/// A mark without a width of its own, such as an accent.
inline bool is_accent(std::int32_t code) { return ::utf8proc_category(code) == UTF8PROC_CATEGORY_MN; }
/// Control and format characters, and what has no meaning.
inline bool is_control(std::int32_t code) {
  return ::utf8proc_category(code) == UTF8PROC_CATEGORY_CN ||
         is_category(code, UTF8PROC_CATEGORY_CC, UTF8PROC_CATEGORY_CO);
}
/// Unicode's White_Space.
inline bool is_space(std::int32_t code) {
  return (code >= 9 && code <= 13) || code == 0x85 || is_category(code, UTF8PROC_CATEGORY_ZS, UTF8PROC_CATEGORY_ZP);
}

/// Normal form D, or KD with `compatible`. Not by utf8proc_decompose(), whose sorting takes the square of the time
/// where thousands of marks follow one letter.
inline CodePoints decomposed(const CodePoints& text, bool compatible) {
  const auto option = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0));
  CodePoints out;
  for (const auto code : text) {
    constexpr utf8proc_ssize_t room = 32;  // the longest in Unicode is 18
    utf8proc_int32_t parts[room];
    int last_class = 0;
    const auto n = ::utf8proc_decompose_char(code, parts, room, option, &last_class);
    if (n < 0 || n > room)
      out.push_back(0xfffd);
    else
      out.insert(out.end(), parts, parts + n);
  }
  const auto rank = [](std::int32_t code) { return ::utf8proc_get_property(code)->combining_class; };
  const auto is_starter = [&](std::int32_t code) { return rank(code) == 0; };
  for (auto first = out.begin(); first != out.end();) {
    first = std::find_if_not(first, out.end(), is_starter);
    const auto last = std::find_if(first, out.end(), is_starter);
    std::stable_sort(first, last, [&](std::int32_t a, std::int32_t b) { return rank(a) < rank(b); });
    first = last;
  }
  return out;
}
/// Normal form KC: what looks alike is alike, and letters are whole.
inline CodePoints normal_form_kc(const CodePoints& text) {
  auto out = decomposed(text, true);
  const auto option = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  const auto n = ::utf8proc_normalize_utf32(out.data(), static_cast<utf8proc_ssize_t>(out.size()), option);
  out.resize(static_cast<std::size_t>(std::max<utf8proc_ssize_t>(n, 0)));
  return out;
}

}  // namespace shunt::data::detail
