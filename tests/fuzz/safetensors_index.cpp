// load_safetensors of io/safetensors.hpp, on an index beside two good files.
#include "fuzz.hpp"
#include "shunt/io/safetensors.hpp"

namespace {

std::string safetensors(const std::string& name) {
  const auto header = "{\"" + name + R"(":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  const std::uint64_t n = header.size();
  return std::string(reinterpret_cast<const char*>(&n), 8) + header + std::string(4, '\0');
}

}  // namespace

static int fuzz_safetensors_index(int argc, char** argv) {
  const fuzz::Files seeds = {R"({"metadata":{"total_size":8},"weight_map":{"a":"1.safetensors","b":"2.safetensors"}})",
                             R"({"weight_map":{"b":"2.safetensors"}})", R"({"weight_map":{}})"};
  return fuzz::run(argc, argv, seeds,
                   [](const std::string& path) {
                     for (const std::string name : {"a", "b"}) {
                       const auto shard =
                           path.substr(0, path.rfind('/') + 1) + (name == "a" ? "1" : "2") + ".safetensors";
                       if (::access(shard.c_str(), F_OK) != 0)
                         std::ofstream(shard, std::ios::binary) << safetensors(name);
                     }
                     shunt::io::load_safetensors(path);
                   },
                   {.name = "model.index.json",
                    .words = {"{", "}", "[", "]", ",", ":", "\"", "../", "\"a\":", "\"1.safetensors\"",
                              "\"weight_map\":", "1e999", "\\ud800"},
                    .memory = 64});
}
static const fuzz::Target target_safetensors_index("safetensors_index", fuzz_safetensors_index);
