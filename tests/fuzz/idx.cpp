// load_idx of data/idx.hpp.
#include "shunt/data/idx.hpp"

#include "fuzz.hpp"

namespace {

/// An IDX file of this type whose elements are all bytes of `content`.
std::string idx(char type, std::initializer_list<unsigned char> sizes, const std::string& content) {
  std::string out{'\0', '\0', type, static_cast<char>(sizes.size())};
  for (const auto n : sizes) out += std::string(3, '\0') + static_cast<char>(n);
  return out + content;
}

}  // namespace

static int fuzz_idx(int argc, char** argv) {
  const fuzz::Files seeds = {idx(0x08, {2, 3, 4}, std::string(24, '\5')),
                             idx(0x09, {5}, std::string(5, '\xfe')),
                             idx(0x0b, {2, 2}, std::string(8, '\1')),
                             idx(0x0c, {3}, std::string(12, '\7')),
                             idx(0x0d, {2, 1}, std::string(8, '\x3f')),
                             idx(0x0e, {1}, std::string(8, '\x40')),
                             idx(0x08, {0, 3}, ""),
                             idx(0x0d, {}, std::string(4, '\0'))};
  return fuzz::run(argc, argv, seeds, [](const std::string& path) { shunt::data::load_idx(path); });
}
static const fuzz::Target target_idx("idx", fuzz_idx);
