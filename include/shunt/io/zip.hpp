// Zip archives, as .npz and PyTorch's files are: what they list, and the content of one entry at a time.
#pragma once

#if !__has_include(<zlib.h>)
#error "shunt/io/zip.hpp needs zlib.h: install the Debian package zlib1g-dev"
#endif
#include <zlib.h>

#include <string_view>

#include "shunt/io/file_source.hpp"
#include "shunt/io/text.hpp"

namespace shunt::io::detail {

struct ZipEntry {
  std::string name;
  std::uint64_t size = 0, packed = 0;  ///< Bytes of the content, and of what the file holds of it.
  std::uint64_t header = 0, begin = 0;
  std::uint32_t crc = 0;
  bool deflated = false;
};

/// The content of an entry, in memory of its own or in the file's pages.
class ZipContent : public Source {
 public:
  ZipContent(std::string path, Place place, std::uint64_t size)
      : path_(std::move(path)), place_(std::move(place)), size_(size) {}
  const std::string& path() const override { return path_; }
  std::uint64_t size() const { return size_; }
  std::string_view text() const { return {reinterpret_cast<const char*>(place_.first), size_}; }
  void read(std::uint64_t offset, void* to, std::uint64_t n) const override {
    if (n > 0) std::memcpy(to, place_.first + offset, n);
  }
  Place place(std::uint64_t offset) const override { return {place_.storage, place_.first + offset}; }

 private:
  std::string path_;
  Place place_;
  std::uint64_t size_;
};

/// An archive whose directory has been checked: entries have names of their own in UTF-8, lie one behind the other
/// within the file, are stored or deflated, and have sizes that the file can hold. Anything else is an IoError:
/// encryption, several disks, and contents that take more than ReadOptions allow.
class ZipFile {
 public:
  ZipFile(const std::string& path, ReadOptions options) : file_(path, options), max_unpacked_(options.max_unpacked) {
    read_directory();
  }

  const std::string& path() const { return file_.path(); }
  /// In the directory's order, without folders.
  const std::vector<ZipEntry>& entries() const { return entries_; }
  const ZipEntry* find(std::string_view name) const {
    const auto it = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                     [&](std::size_t i, std::string_view n) { return entries_[i].name < n; });
    return it != by_name_.end() && entries_[*it].name == name ? &entries_[*it] : nullptr;
  }
  /// The content, compared with its checksum. Memory grows with what is there, not with what the directory claims.
  ZipContent read(const ZipEntry& entry) const {
    auto place = entry.deflated ? inflated(entry) : stored(entry);
    std::uint64_t done = 0;
    uLong crc = ::crc32(0, nullptr, 0);
    while (done < entry.size) {
      const auto n = std::min<std::uint64_t>(entry.size - done, 1u << 30);
      crc = ::crc32(crc, place.first + done, static_cast<uInt>(n));
      done += n;
    }
    if (crc != entry.crc) bad("the checksum of '", entry.name, "' is wrong");
    return {path() + "/" + entry.name, std::move(place), entry.size};
  }

 private:
  template <class... Parts>
  [[noreturn]] void bad(const Parts&... parts) const {
    shunt::detail::raise_io(path(), parts...);
  }
  static std::uint64_t number(const unsigned char* p, int bytes) {
    std::uint64_t v = 0;
    while (bytes-- > 0) v = v << 8 | p[bytes];
    return v;
  }
  static Place own(std::uint64_t bytes) {
    auto storage = shunt::detail::Storage::make(static_cast<std::size_t>(bytes));
    auto* first = static_cast<unsigned char*>(storage->data());
    return {std::move(storage), first};
  }

  struct Directory {
    std::uint64_t entries, size, begin, end;
  };
  /// From the record at the file's end and, where its fields are too small, that of zip64 before it.
  [[gnu::cold]] Directory find_directory() const {
    std::vector<unsigned char> tail(std::min<std::uint64_t>(file_.size(), 22 + 65535));
    const auto base = file_.size() - tail.size();
    file_.read(base, tail.data(), tail.size());
    for (std::size_t at = tail.size(); at >= 22; --at) {
      const auto* p = tail.data() + at - 22;
      if (number(p, 4) != 0x06054b50 || number(p + 20, 2) != tail.size() - at) continue;
      if (number(p + 4, 4) != 0 || number(p + 8, 2) != number(p + 10, 2)) bad("is a zip archive of several disks");
      Directory d{number(p + 10, 2), number(p + 12, 4), number(p + 16, 4), base + at - 22};
      if (d.entries == 0xffff || d.size == 0xffffffff || d.begin == 0xffffffff) widen(d);
      // PyTorch writes the records of zip64 without need, so that they stand between the two.
      if (d.begin > d.end || d.size > d.end - d.begin) bad("its zip directory does not lie within the file");
      return d;
    }
    bad("is no zip archive, or was cut short");
  }
  void widen(Directory& d) const {
    unsigned char p[56];
    if (d.end < 20) bad("its zip64 record is missing");
    file_.read(d.end - 20, p, 20);
    if (number(p, 4) != 0x07064b50) bad("its zip64 record is missing");
    const auto at = number(p + 8, 8);
    if (at > d.end - 20 || d.end - 20 - at < 56) bad("its zip64 record does not lie within the file");
    file_.read(at, p, 56);
    if (number(p, 4) != 0x06064b50 || number(p + 16, 8) != 0) bad("its zip64 record is damaged");
    d = {number(p + 32, 8), number(p + 40, 8), number(p + 48, 8), at};
  }

  [[gnu::cold, gnu::noinline]] void read_directory() {
    const auto d = find_directory();
    if (d.entries > d.size / 46) bad("claims ", d.entries, " entries in a zip directory of ", d.size, " bytes");
    std::vector<unsigned char> bytes(d.size);
    file_.read(d.begin, bytes.data(), d.size);
    const unsigned char* p = bytes.data();
    const auto* end = p + bytes.size();
    entries_.reserve(d.entries);
    for (std::uint64_t i = 0; i < d.entries; ++i) {
      if (end - p < 46 || number(p, 4) != 0x02014b50) bad("its zip directory is damaged at entry ", i);
      const auto name = number(p + 28, 2), extra = number(p + 30, 2), comment = number(p + 32, 2);
      const auto left = static_cast<std::uint64_t>(end - p) - 46;
      if (name + extra + comment > left) bad("its zip directory is damaged at entry ", i);
      add_entry(p, name, extra);
      p += 46 + name + extra + comment;
    }
    if (p != end) bad("has bytes behind its zip directory");
    check_places(d.begin);
    std::erase_if(entries_, [](const ZipEntry& e) { return e.size == 0 && e.name.ends_with('/'); });
    order_names();
  }
  void add_entry(const unsigned char* p, std::uint64_t name, std::uint64_t extra) {
    ZipEntry e;
    e.name.assign(reinterpret_cast<const char*>(p) + 46, name);
    if (!is_utf8(e.name) || e.name.find('\0') != std::string::npos) bad("the name of a zip entry is not UTF-8");
    const auto flags = number(p + 8, 2), method = number(p + 10, 2);
    if (flags & 0x2041u) bad("'", e.name, "' is encrypted");
    if (method != 0 && method != 8) bad("'", e.name, "' is compressed by method ", method, ", which cannot be read");
    e.deflated = method == 8;
    e.crc = static_cast<std::uint32_t>(number(p + 16, 4));
    e.packed = number(p + 20, 4);
    e.size = number(p + 24, 4);
    e.header = number(p + 42, 4);
    const auto* x = p + 46 + name;
    for (const auto* end = x + extra; end - x >= 4;) {
      const auto id = number(x, 2), n = number(x + 2, 2);
      x += 4;
      if (n > static_cast<std::uint64_t>(end - x)) break;
      if (id == 1) widen(e, x, n);
      x += n;
    }
    if (!e.deflated && e.packed != e.size) bad("'", e.name, "' is stored as ", e.packed, " bytes of ", e.size);
    if (e.size / 1032 > e.packed) bad("'", e.name, "' claims ", e.size, " bytes, more than ", e.packed, " can hold");
    entries_.push_back(std::move(e));
  }
  void widen(ZipEntry& e, const unsigned char* x, std::uint64_t n) const {
    for (auto* field : {&e.size, &e.packed, &e.header}) {
      if (*field != 0xffffffff) continue;
      if (n < 8) bad("the zip64 sizes of '", e.name, "' are missing");
      *field = number(x, 8);
      x += 8;
      n -= 8;
    }
  }
  void order_names() {
    for (std::size_t i = 0; i < entries_.size(); ++i) by_name_.push_back(i);
    const auto name = [&](std::size_t i) -> const std::string& { return entries_[i].name; };
    std::sort(by_name_.begin(), by_name_.end(), [&](auto a, auto b) { return name(a) < name(b); });
    const auto twice =
        std::adjacent_find(by_name_.begin(), by_name_.end(), [&](auto a, auto b) { return name(a) == name(b); });
    if (twice != by_name_.end()) bad("the entry '", name(*twice), "' stands twice");
  }
  /// Finds where each content begins; all end before `limit`, and none lies in another.
  void check_places(std::uint64_t limit) {
    std::vector<ZipEntry*> order;
    std::uint64_t unpacked = 0;
    for (auto& e : entries_) order.push_back(&e);
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->header < b->header; });
    std::uint64_t at = 0;
    std::vector<unsigned char> p;
    for (auto* e : order) {
      if (e->header < at) bad("'", e->name, "' begins within another entry");
      if (e->header > limit || limit - e->header < 30 + e->name.size()) bad("'", e->name, "' begins behind the end");
      p.resize(30 + e->name.size());
      file_.read(e->header, p.data(), p.size());
      const bool same = number(&p[0], 4) == 0x04034b50 && number(&p[8], 2) == (e->deflated ? 8 : 0) &&
                        number(&p[26], 2) == e->name.size() &&
                        std::memcmp(p.data() + 30, e->name.data(), e->name.size()) == 0;
      // Behind bit 3 the sizes follow the content.
      const bool sized = (number(&p[6], 2) & 8u) == 0;
      const auto agrees = [&](std::size_t i, std::uint64_t v) { return number(&p[i], 4) == std::min(v, saturated); };
      const bool widened = sized && number(&p[18], 4) == saturated && number(&p[22], 4) == saturated;
      if (!same || (number(&p[6], 2) & 1u) ||
          (sized && (number(&p[14], 4) != e->crc || (!widened && !(agrees(18, e->packed) && agrees(22, e->size))))))
        bad("the header of '", e->name, "' does not fit the zip directory");
      e->begin = e->header + p.size() + number(&p[28], 2);
      if (e->begin > limit || e->packed > limit - e->begin) bad("'", e->name, "' ends behind the end");
      at = e->begin + e->packed;
      unpacked += e->deflated ? e->size : 0;
    }
    if (unpacked > std::max(max_unpacked_, 32 * file_.size()))
      bad("would take ", unpacked, " bytes when decompressed, beside ", file_.size(),
          " in the file; ReadOptions.max_unpacked allows it");
  }

  Place stored(const ZipEntry& e) const {
    if (auto place = file_.place(e.begin); place.storage) return place;
    auto place = own(e.size);
    file_.read(e.begin, place.first, e.size);
    return place;
  }
  Place inflated(const ZipEntry& e) const {
    struct Inflater : z_stream {
      Inflater() : z_stream{} {
        if (::inflateInit2(this, -MAX_WBITS) != Z_OK) shunt::detail::raise<IoError>("zlib: no memory");
      }
      Inflater(const Inflater&) = delete;
      Inflater& operator=(const Inflater&) = delete;
      ~Inflater() { ::inflateEnd(this); }
    } z;
    // What few formats exceed is granted at once, the rest when it is seen to come.
    auto room = std::min(e.size, 8 * e.packed + 64);
    auto place = own(room);
    std::vector<unsigned char> in(std::min<std::uint64_t>(e.packed, 1u << 18));
    std::uint64_t used = 0, done = 0;
    unsigned char beyond = 0;  // a last byte of room, so that content longer than claimed is noticed
    for (int status = Z_OK; status != Z_STREAM_END;) {
      if (z.avail_in == 0 && used < e.packed) {
        const auto n = std::min<std::uint64_t>(in.size(), e.packed - used);
        file_.read(e.begin + used, in.data(), n);
        z.next_in = in.data();
        z.avail_in = static_cast<uInt>(n);
        used += n;
      }
      if (done == room && room < e.size) {
        auto wider = own(e.size);
        std::memcpy(wider.first, place.first, done);
        place = std::move(wider);
        room = e.size;
      }
      const auto free = std::min<std::uint64_t>(room - done, 1u << 30);
      z.next_out = free > 0 ? place.first + done : &beyond;
      z.avail_out = free > 0 ? static_cast<uInt>(free) : 1;
      const auto before = z.avail_out;
      status = ::inflate(&z, Z_NO_FLUSH);
      const auto got = before - z.avail_out;
      if (free == 0 && got > 0) bad("'", e.name, "' is longer than the ", e.size, " bytes that it claims");
      done += got;
      const bool stuck = status == Z_BUF_ERROR || (status == Z_OK && got == 0 && z.avail_in == 0 && used == e.packed);
      if (stuck) bad("'", e.name, "' ends early");
      if (status != Z_OK && status != Z_STREAM_END) bad("'", e.name, "' holds damaged compressed data");
    }
    if (done != e.size || z.avail_in != 0 || used != e.packed)
      bad("'", e.name, "' holds ", done, " bytes, ", e.size, " were claimed");
    return place;
  }

  static constexpr std::uint64_t saturated = 0xffffffff;
  FileSource file_;
  std::uint64_t max_unpacked_;
  std::vector<ZipEntry> entries_;
  std::vector<std::size_t> by_name_;
};

}  // namespace shunt::io::detail
