// read_gzip of data/gzip.hpp, and load_idx on what it gives.
#include "shunt/data/gzip.hpp"

#include "fuzz.hpp"
#include "shunt/data/idx.hpp"
#include "support/deflate.hpp"

static int fuzz_gzip(int argc, char** argv) {
  const std::string idx(
      "\0\0\x08\1\0\0\0\x06"
      "abcdef",
      14);
  const fuzz::Files seeds = {gzipped(idx), gzipped(idx.substr(0, 7)) + gzipped(idx.substr(7)), idx};
  return fuzz::run(argc, argv, seeds,
                   [](const std::string& path) { shunt::data::load_idx(shunt::data::read_gzip(path)); },
                   {.words = {"\x1f\x8b"}, .memory = 2100});
}
static const fuzz::Target target_gzip("gzip", fuzz_gzip);
