// load_npy of io/npy.hpp.
#include "shunt/io/npy.hpp"

#include "fuzz.hpp"

namespace {

std::string npy(std::string header, std::size_t bytes, char version = 1) {
  header.resize(118, ' ');
  std::string out("\x93NUMPY", 6);
  out += version;
  out += std::string("\0\x76\0", 3);
  if (version > 1) out += std::string(2, '\0');
  return out + header + std::string(bytes, '\1');
}

}  // namespace

static int fuzz_npy(int argc, char** argv) {
  const fuzz::Files seeds = {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24),
                             npy("{'descr': '<i8', 'fortran_order': True, 'shape': (3, 2, 2), }", 96),
                             npy("{'descr': '|b1', 'fortran_order': False, 'shape': (5,), }", 5),
                             npy("{'descr': '<f2', 'fortran_order': True, 'shape': (0, 4), }", 0, 2),
                             npy("{'descr': '<u8', 'fortran_order': False, 'shape': (), }", 8, 3)};
  return fuzz::run(argc, argv, seeds,
                   [](const std::string& path) {
                     shunt::io::load_npy(path);
                     shunt::io::load_npy(path, {.map = true});
                   },
                   {.words = {"'shape': (", "'descr': ", "True", "0, ", "'<u4'", "'|i1'", "9223372036854775807"}});
}
static const fuzz::Target target_npy("npy", fuzz_npy);
