// gzip-compressed files, for every reader that takes Bytes: load_idx(read_gzip("train-images-idx3-ubyte.gz")).
#pragma once

#if !__has_include(<zlib.h>)
#error "shunt/data/gzip.hpp needs zlib.h: install the Debian package zlib1g-dev"
#endif
#include <zlib.h>

#include <cstdint>

#include "shunt/data/bytes.hpp"

namespace shunt::data {

/// Decompresses a gzip file; one that is not compressed is read as it is. IoError for a damaged or truncated file,
/// bytes behind its end, and content of more than max_bytes. Memory grows with what was decompressed, not with what
/// the file claims.
inline Bytes read_gzip(const std::string& path, std::uint64_t max_bytes = std::uint64_t{1} << 32) {
  auto packed = read_file(path);
  if (packed.data.size() < 2 || packed.data[0] != 0x1f || packed.data[1] != 0x8b) return packed;
  struct Inflater : z_stream {
    Inflater() : z_stream{} {
      if (::inflateInit2(this, 16 + MAX_WBITS) != Z_OK) shunt::detail::raise<IoError>("zlib: no memory");
    }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    ~Inflater() { ::inflateEnd(this); }
  } z;
  Bytes out{path, {}};
  std::size_t used = 0, done = 0;
  const auto limit = static_cast<std::size_t>(std::min<std::uint64_t>(max_bytes, SIZE_MAX / 2));
  for (;;) {
    if (done == out.data.size()) {
      out.data.resize(std::min(limit + 1, std::max<std::size_t>({2 * done, 2 * packed.data.size(), 4096})));
    }
    const auto in = std::min<std::size_t>(packed.data.size() - used, 1u << 30);
    const auto room = std::min<std::size_t>(out.data.size() - done, 1u << 30);
    z.next_in = packed.data.data() + used;
    z.avail_in = static_cast<uInt>(in);
    z.next_out = out.data.data() + done;
    z.avail_out = static_cast<uInt>(room);
    const int status = ::inflate(&z, Z_NO_FLUSH);
    used += in - z.avail_in;
    done += room - z.avail_out;
    if (done > limit) shunt::detail::raise_io(path, "holds more than ", limit, " bytes when decompressed");
    if (status == Z_STREAM_END) {
      if (used == packed.data.size()) break;
      if (packed.data[used] != 0x1f) shunt::detail::raise_io(path, "has bytes behind its gzip data");
      ::inflateReset(&z);  // another member: their contents follow each other
    } else if (status == Z_BUF_ERROR || (status == Z_OK && used == packed.data.size() && z.avail_out != 0)) {
      shunt::detail::raise_io(path, "its gzip data end early");
    } else if (status != Z_OK) {
      shunt::detail::raise_io(path, "damaged gzip data", z.msg != nullptr ? ": " : "", z.msg != nullptr ? z.msg : "");
    }
  }
  out.data.resize(done);
  return out;
}

}  // namespace shunt::data
