// read_gzip of data/gzip.hpp, and load_idx on what it gives.
#include "shunt/data/gzip.hpp"

#include "fuzz.hpp"
#include "shunt/data/idx.hpp"

namespace {

std::string gzip(const std::string& content) {
  z_stream z{};
  ::deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(content.size() + 1000, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  z.avail_in = static_cast<uInt>(content.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  ::deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  ::deflateEnd(&z);
  return out;
}

}  // namespace

static int fuzz_gzip(int argc, char** argv) {
  const std::string idx(
      "\0\0\x08\1\0\0\0\x06"
      "abcdef",
      14);
  const fuzz::Files seeds = {gzip(idx), gzip(idx.substr(0, 7)) + gzip(idx.substr(7)), idx};
  return fuzz::run(argc, argv, seeds,
                   [](const std::string& path) { shunt::data::load_idx(shunt::data::read_gzip(path)); },
                   {.words = {"\x1f\x8b"}, .memory = 2100});
}
static const fuzz::Target target_gzip("gzip", fuzz_gzip);
