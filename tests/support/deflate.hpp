// Compressed with zlib alone, to be read by what is tested.
#pragma once

#include <zlib.h>

#include <string>

/// As zip archives have it, or with the header and the end that zlib gives to another `window`.
inline std::string deflated(const std::string& content, int level = 9, int window = -MAX_WBITS) {
  z_stream z{};
  ::deflateInit2(&z, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
  std::string out(::deflateBound(&z, content.size()) + 32, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  z.avail_in = static_cast<uInt>(content.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  ::deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  ::deflateEnd(&z);
  return out;
}
/// As a gzip file; members follow each other.
inline std::string gzipped(const std::string& content, int level = 9) {
  return deflated(content, level, 16 + MAX_WBITS);
}
