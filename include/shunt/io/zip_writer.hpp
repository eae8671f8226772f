// Zip archives, written whole or not at all.
#pragma once

#if !__has_include(<zlib.h>)
#error "shunt/io/zip_writer.hpp needs zlib.h: install the Debian package zlib1g-dev"
#endif
#include <zlib.h>

#include <string_view>

#include "shunt/io/atomic_file.hpp"
#include "shunt/io/text.hpp"

namespace shunt::io::detail {

/// Entries stored or deflated, with the fields of zip64 where something is too large for the old ones. Content that is
/// stored begins at a multiple of 64, so that a reader may map it.
class ZipWriter {
 public:
  explicit ZipWriter(const std::string& path) : path_(path), file_(path) {}

  /// One entry: `visit(take)` hands all its bytes to take(data, n), every time it is called the same. `size` is how
  /// many they are.
  template <class Visit>
  void add(const std::string& name, std::uint64_t size, bool deflate, const Visit& visit) {
    begin(name, size, deflate);
    auto& e = entries_.back();
    if (deflate) {
      Deflater z(*this);
      visit([&](const void* data, std::size_t n) { e.crc = checksum(e.crc, data, n), z.take(data, n); });
      e.packed = z.end();
      write_sizes(e);
    } else {
      visit([&](const void* data, std::size_t n) { e.crc = checksum(e.crc, data, n); });
      write_header(e);
      visit([&](const void* data, std::size_t n) { write(data, n); });
    }
  }
  void commit() {
    const auto begin = at_;
    for (const auto& e : entries_) write_directory(e);
    end(begin, at_ - begin);
    file_.commit();
  }

 private:
  struct Entry {
    std::string name;
    std::uint64_t size, packed, header;
    std::uint32_t crc;
    bool deflated, wide;
  };
  class Deflater {
   public:
    explicit Deflater(ZipWriter& out) : out_(out), begin_(out.at_) {
      if (::deflateInit2(&z_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        shunt::detail::raise<IoError>("zlib: no memory");
    }
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;
    ~Deflater() { ::deflateEnd(&z_); }
    void take(const void* data, std::size_t n) {
      const auto* p = static_cast<const unsigned char*>(data);
      for (std::size_t piece; n > 0; p += piece, n -= piece) {
        piece = std::min<std::size_t>(n, 1u << 30);
        z_.next_in = const_cast<unsigned char*>(p);
        z_.avail_in = static_cast<uInt>(piece);
        pump(Z_NO_FLUSH);
      }
    }
    std::uint64_t end() {
      pump(Z_FINISH);
      return out_.at_ - begin_;
    }

   private:
    void pump(int flush) {
      do {
        z_.next_out = room_;
        z_.avail_out = sizeof room_;
        ::deflate(&z_, flush);
        out_.write(room_, sizeof room_ - z_.avail_out);
      } while (z_.avail_out == 0);
    }
    ZipWriter& out_;
    std::uint64_t begin_;
    z_stream z_{};
    unsigned char room_[1 << 15];
  };

  static constexpr std::uint64_t saturated = 0xffffffff;

  static std::uint32_t checksum(std::uint32_t crc, const void* data, std::size_t n) {
    const auto* p = static_cast<const unsigned char*>(data);
    uLong c = crc;
    for (std::size_t piece; n > 0; p += piece, n -= piece) {
      piece = std::min<std::size_t>(n, 1u << 30);
      c = ::crc32(c, p, static_cast<uInt>(piece));
    }
    return static_cast<std::uint32_t>(c);
  }
  void write(const void* data, std::size_t n) {
    file_.write(data, n);
    at_ += n;
  }
  static void put(std::string& out, std::uint64_t v, int bytes) {
    for (; bytes > 0; --bytes, v >>= 8) out += static_cast<char>(v);
  }

  [[gnu::cold, gnu::noinline]] void begin(const std::string& name, std::uint64_t size, bool deflate) {
    if (!is_utf8(name) || name.find('\0') != std::string::npos || name.size() > 65535)
      shunt::detail::raise_io(path_, "'", name, "' cannot name a zip entry");
    // What does not compress grows by less than a thousandth.
    entries_.push_back({name, size, size, at_, 0, deflate, size + size / 1000 + 1024 >= saturated});
    if (deflate) write_header(entries_.back());
  }
  /// Method, flags and date, as they stand in both headers; the date is the first that the format has.
  static void put_kind(std::string& out, const Entry& e) {
    put(out, e.wide || e.header >= saturated ? 45 : 20, 2);
    put(out, 0x0800u | (e.deflated ? 8u : 0u), 2);  // names in UTF-8; sizes behind the content
    put(out, e.deflated ? 8 : 0, 2);
    put(out, 0x00210000, 4);
  }
  void write_header(const Entry& e) {
    std::string h("PK\3\4", 4);
    put_kind(h, e);
    put(h, e.deflated ? 0 : e.crc, 4);
    const auto size = e.deflated ? 0 : e.size;
    for (int i = 0; i < 2; ++i) put(h, e.wide ? saturated : size, 4);
    put(h, e.name.size(), 2);
    std::string extra;
    if (e.wide) {
      put(extra, 1, 2);
      put(extra, 16, 2);
      put(extra, size, 8);
      put(extra, size, 8);
    }
    if (!e.deflated) {
      const auto content = at_ + 30 + e.name.size() + extra.size() + 4;
      const auto pad = (64 - content % 64) % 64;
      put(extra, 0x4246, 2);  // as PyTorch pads
      put(extra, pad, 2);
      extra.append(pad, '\0');
    }
    put(h, extra.size(), 2);
    h += e.name + extra;
    write(h.data(), h.size());
  }
  void write_sizes(const Entry& e) {
    std::string h("PK\7\10", 4);
    put(h, e.crc, 4);
    put(h, e.packed, e.wide ? 8 : 4);
    put(h, e.size, e.wide ? 8 : 4);
    write(h.data(), h.size());
  }
  void write_directory(const Entry& e) {
    std::string extra;
    for (const auto v : {e.size, e.packed, e.header})
      if (v >= saturated) put(extra, v, 8);
    std::string h("PK\1\2", 4);
    put(h, 0x0300 | 45, 2);  // Unix, where names are taken as UTF-8
    put_kind(h, e);
    put(h, e.crc, 4);
    put(h, std::min(e.packed, saturated), 4);
    put(h, std::min(e.size, saturated), 4);
    put(h, e.name.size(), 2);
    put(h, extra.empty() ? 0 : extra.size() + 4, 2);
    put(h, 0, 6);  // no comment, first disk
    put(h, std::uint64_t{0100644} << 16, 4);
    put(h, std::min(e.header, saturated), 4);
    h += e.name;
    if (!extra.empty()) {
      put(h, 1, 2);
      put(h, extra.size(), 2);
      h += extra;
    }
    write(h.data(), h.size());
  }
  void end(std::uint64_t begin, std::uint64_t size) {
    const std::uint64_t n = entries_.size(), record = at_;
    std::string h;
    if (n >= 0xffff || begin >= saturated || size >= saturated) {
      h.append("PK\6\6", 4);
      put(h, 44, 8);
      put(h, 45, 2);
      put(h, 45, 2);
      put(h, 0, 8);
      for (const auto v : {n, n, size, begin}) put(h, v, 8);
      h.append("PK\6\7", 4);
      put(h, 0, 4);
      put(h, record, 8);
      put(h, 1, 4);
    }
    h.append("PK\5\6", 4);
    put(h, 0, 4);
    for (int i = 0; i < 2; ++i) put(h, std::min<std::uint64_t>(n, 0xffff), 2);
    put(h, std::min(size, saturated), 4);
    put(h, std::min(begin, saturated), 4);
    put(h, 0, 2);
    write(h.data(), h.size());
  }

  std::string path_;
  AtomicFile file_;
  std::vector<Entry> entries_;
  std::uint64_t at_ = 0;
};

}  // namespace shunt::io::detail
