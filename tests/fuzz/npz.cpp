// load_npz of io/npz.hpp: archives of arrays, damaged as they are, and with right checksums around damaged arrays.
#include "shunt/io/npz.hpp"

#include "fuzz.hpp"
#include "support/zip_file.hpp"

static int fuzz_npz(int argc, char** argv) {
  auto seeds = fuzz::reference_files({"arrays.npz", "compressed.npz"});
  seeds.push_back(seeds[0].substr(seeds[0].find("\x93NUMPY"), 128 + 24));
  const TempFolder folder;
  return fuzz::run(
      argc, argv, seeds,
      [&](const std::string& path) {
        const auto content = content_of(path);
        if (!content.starts_with("\x93NUMPY")) {
          for (const bool map : {true, false}) shunt::io::load_npz(path, {.map = map});
          return;
        }
        shunt::io::load_npz(folder.file("x.npz", zip_of({{"a.npy", content}, {"b.npy", content, true}})));
      },
      {.words = {"PK\1\2", "PK\3\4", "PK\5\6", "PK\6\6", "PK\6\7", ".npy", "'<f8'", "(0, ", "True"}, .memory = 2100});
}
static const fuzz::Target target_npz("npz", fuzz_npz);
