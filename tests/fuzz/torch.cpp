// load_torch of io/torch.hpp, on whole archives.
#include "shunt/io/torch.hpp"

#include "fuzz.hpp"

static int fuzz_torch(int argc, char** argv) {
  auto seeds = fuzz::reference_files({"network.pt", "kinds.pt", "deflated.pt"});
  return fuzz::run(
      argc, argv, seeds,
      [](const std::string& path) {
        for (const bool map : {true, false})
          for (const auto& [name, tensor] : shunt::io::load_torch(path, {.map = map}))
            if (tensor.numel() < 100'000) tensor.to<double>();
      },
      {.words = {"PK\1\2", "PK\3\4", "PK\5\6", "PK\6\6", "PK\6\7", "data.pkl", "FloatStorage"}, .memory = 2000});
}
static const fuzz::Target target_torch("torch", fuzz_torch);
