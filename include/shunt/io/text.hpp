// Names that stand in files, before they are believed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shunt::io::detail {

/// True for well-formed UTF-8: shortest forms only, no surrogates, nothing beyond U+10FFFF.
[[gnu::cold]] inline bool is_utf8(std::string_view s) {
  for (std::size_t i = 0; i < s.size();) {
    const auto lead = static_cast<unsigned char>(s[i++]);
    if (lead < 0x80) continue;
    const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || s.size() - i < static_cast<std::size_t>(more)) return false;
    std::uint32_t code = lead & (0x3fu >> more);
    for (int k = 0; k < more; ++k) {
      const auto next = static_cast<unsigned char>(s[i++]);
      if (next >> 6 != 2) return false;
      code = code << 6 | (next & 0x3fu);
    }
    constexpr std::uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (code < least[more] || code > 0x10ffff || code >> 11 == 0x1b) return false;
  }
  return true;
}

/// True for the name of a file in the folder where its mention stands: no way out of it.
inline bool is_plain_name(std::string_view s) {
  return !s.empty() && s != "." && s != ".." && s.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}
/// The path of a file beside another one.
inline std::string beside(const std::string& path, std::string_view name) {
  const auto slash = path.rfind('/');
  return path.substr(0, slash == std::string::npos ? 0 : slash + 1).append(name);
}

}  // namespace shunt::io::detail
