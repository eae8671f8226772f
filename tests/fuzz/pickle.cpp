// load_torch of io/torch.hpp, on archives that are right around a pickle that is not: checksums do not stand before it.
#include "fuzz.hpp"
#include "shunt/io/torch.hpp"
#include "support/pickle_file.hpp"

namespace {

using namespace pickled;

struct Archive {
  std::string pickle;
  std::vector<ZipPart> storages;
};
/// What stands in a file that torch.save wrote, and two storages more: `f` of 16 floats, `h` of 32 float16s.
Archive taken_apart(const std::string& path) {
  const shunt::io::detail::ZipFile zip(path, {});
  Archive a;
  for (const auto& entry : zip.entries()) {
    const std::string content(zip.read(entry).text());
    const auto data = entry.name.find("/data/");
    if (entry.name.ends_with("/data.pkl")) a.pickle = content;
    if (data != std::string::npos) a.storages.push_back({.name = entry.name.substr(data + 6), .content = content});
  }
  for (const auto* name : {"f", "h"}) a.storages.push_back({.name = name, .content = std::string(64, '\0')});
  return a;
}

}  // namespace

static int fuzz_pickle(int argc, char** argv) {
  const TempFolder folder;
  std::vector<Archive> archives;
  fuzz::Files seeds;
  for (const auto& file : fuzz::reference_files({"kinds.pt", "network.pt"})) {
    archives.push_back(taken_apart(folder.file("good.pt", file)));
    seeds.push_back(archives.back().pickle);
  }
  const auto a = tensor(storage("Float", "f", 16), 3, {2, 3}, {4, 1}),
             b = tensor(storage("Half", "h", 32), 0, {4}, {2});
  seeds.push_back(dict(text("a") + a + text("b") + b + text("c") + "}" + text("d") + a + "s"));
  seeds.push_back(dict(text("a") + global("torch._utils", "_rebuild_parameter") + a + "\x88}\x87R" + text("l") + "](" +
                       number(5) + b + "e"));
  return fuzz::run(argc, argv, seeds,
                   [&](const std::string& path) {
                     const auto pickle = content_of(path);
                     const auto& around = archives[pickle.find("conv") != std::string::npos];
                     for (const auto& [name, tensor] :
                          shunt::io::load_torch(folder.file("x.pt", torch_file(pickle, around.storages))))
                       if (tensor.numel() < 100'000) tensor.to<double>();
                   },
                   {.words = {"}",
                              "]",
                              "(",
                              "t",
                              "R",
                              "Q",
                              "\x85",
                              "\x86",
                              "\x87",
                              ")",
                              "u",
                              "s",
                              "h\1",
                              "h\5",
                              "q\1",
                              "K\1",
                              "N",
                              ".",
                              "b",
                              "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
                              global("torch", "FloatStorage"),
                              global("torch._utils", "_rebuild_tensor_v2"),
                              global("collections", "OrderedDict"),
                              text("0"),
                              a},
                    .memory = 2000});
}
static const fuzz::Target target_pickle("pickle", fuzz_pickle);
