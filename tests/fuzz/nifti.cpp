// load_nifti of data/nifti.hpp, of plain and of compressed files.
#include "shunt/data/nifti.hpp"

#include "fuzz.hpp"
#include "support/deflate.hpp"

namespace {

/// A volume of 3 x 2 x 1 voxels of this type, in this machine's byte order.
std::string nifti(std::int16_t type, std::int16_t bits) {
  std::string out(352, '\0');
  const auto put = [&](std::size_t at, auto v) { std::memcpy(out.data() + at, &v, sizeof v); };
  put(0, std::int32_t{348});
  std::size_t at = 40;
  for (const int n : {3, 3, 2, 1}) put(at, static_cast<std::int16_t>(n)), at += 2;
  put(70, type);
  put(72, bits);
  for (std::size_t d = 1; d <= 3; ++d) put(76 + 4 * d, 1.0f);
  put(108, 352.0f);
  put(112, 2.0f);
  std::memcpy(out.data() + 344, "n+1", 4);
  return out + std::string(6 * static_cast<std::size_t>(bits) / 8, '\x11');
}

}  // namespace

static int fuzz_nifti(int argc, char** argv) {
  const fuzz::Files seeds = {nifti(2, 8),   nifti(256, 8), nifti(4, 16),         nifti(512, 16),        nifti(8, 32),
                             nifti(16, 32), nifti(64, 64), gzipped(nifti(2, 8)), gzipped(nifti(64, 64))};
  return fuzz::run(argc, argv, seeds, [](const std::string& path) { shunt::data::load_nifti(path); },
                   {.words = {"\x1f\x8b", std::string("n+1", 4), std::string("ni1", 4)}, .memory = 4200});
}
static const fuzz::Target target_nifti("nifti", fuzz_nifti);
