// Zip archives made by hand, so that they can lie.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "support/deflate.hpp"

/// The lowest `bytes` bytes of v, the lowest first.
inline std::string little(std::uint64_t v, int bytes) {
  std::string s;
  for (; bytes > 0; --bytes, v >>= 8) s += static_cast<char>(v);
  return s;
}

/// One entry, and what the archive says of it. What is left at -1 is the truth.
struct ZipPart {
  std::string name = {}, content = {};
  bool deflate = false;
  std::int64_t size = -1, packed = -1, crc = -1, header = -1, method = -1, flags = 0;
  std::string extra = {};        ///< Of the directory.
  std::string local_name = "-";  ///< The other name's copy before the content.
};
/// An archive with these entries and this number of them.
inline std::string zip_of(const std::vector<ZipPart>& parts, const std::string& comment = "", int count = -1) {
  std::string out, directory;
  const auto or_else = [](std::int64_t claimed, std::uint64_t truth) {
    return claimed < 0 ? truth : static_cast<std::uint64_t>(claimed);
  };
  for (const auto& p : parts) {
    const auto packed = p.deflate ? deflated(p.content) : p.content;
    const auto crc = or_else(
        p.crc, ::crc32(0, reinterpret_cast<const Bytef*>(p.content.data()), static_cast<uInt>(p.content.size())));
    const auto method = or_else(p.method, p.deflate ? 8 : 0);
    const auto sizes = little(or_else(p.packed, packed.size()), 4) + little(or_else(p.size, p.content.size()), 4);
    const auto kind = little(20, 2) + little(static_cast<std::uint64_t>(p.flags), 2) + little(method, 2) + little(0, 4);
    const auto name = p.local_name == "-" ? p.name : p.local_name;
    directory += "PK\1\2" + little(20, 2) + kind + little(crc, 4) + sizes + little(p.name.size(), 2) +
                 little(p.extra.size(), 2) + std::string(10, '\0') + little(or_else(p.header, out.size()), 4) + p.name +
                 p.extra;
    out += "PK\3\4" + kind + little(crc, 4) + sizes + little(name.size(), 2) + little(0, 2) + name + packed;
  }
  const auto n = little(count < 0 ? parts.size() : static_cast<std::uint64_t>(count), 2);
  return out + directory + "PK\5\6" + little(0, 4) + n + n + little(directory.size(), 4) + little(out.size(), 4) +
         little(comment.size(), 2) + comment;
}
