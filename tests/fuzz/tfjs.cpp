// load_tfjs of io/tfjs.hpp, on manifests beside two good files of 24 and 8 bytes.
#include "shunt/io/tfjs.hpp"

#include "fuzz.hpp"

static int fuzz_tfjs(int argc, char** argv) {
  const fuzz::Files seeds = {
      R"([{"paths":["1.bin","2.bin"],"weights":[{"name":"a","shape":[2,3],"dtype":"float32"},)"
      R"({"name":"b","shape":[2],"dtype":"int32"}]}])",
      R"({"modelTopology":{"x":[1,{"y":null}]},"weightsManifest":[{"paths":["1.bin"],"weights":[)"
      R"({"name":"a","shape":[4,6],"dtype":"float32","quantization":{"dtype":"uint8","scale":0.5,"min":-1e-3}}]}]})",
      R"([{"paths":["1.bin"],"weights":[{"name":"a","shape":[4,3],"dtype":"float32","quantization":{"dtype":"float16"}}]},)"
      R"({"paths":["2.bin"],"weights":[{"name":"q","shape":[3],"dtype":"int32","quantization":{"dtype":"uint16",)"
      R"("scale":2,"min":5}},{"name":"m","shape":[2],"dtype":"bool"}]}])"};
  return fuzz::run(argc, argv, seeds,
                   [](const std::string& path) {
                     for (const std::string file : {"1.bin", "2.bin"}) {
                       const auto shard = path.substr(0, path.rfind('/') + 1) + file;
                       if (::access(shard.c_str(), F_OK) != 0)
                         std::ofstream(shard, std::ios::binary) << std::string(file == "1.bin" ? 24 : 8, '\1');
                     }
                     shunt::io::load_tfjs(path);
                   },
                   {.words = {"{", "}", "[", "]", ",", ":", "\"", "../", "\"2.bin\"", "\"uint8\"", "\"uint16\"",
                              "\"float16\"", "\"bool\"", "1e308", "-1", "0,",
                              "\"quantization\":", "\"scale\":", "\"shape\":[0,4611686018427387903,"},
                    .memory = 64});
}
static const fuzz::Target target_tfjs("tfjs", fuzz_tfjs);
