// load_safetensors of io/safetensors.hpp, on single files.
#include "shunt/io/checkpoint.hpp"

#include "fuzz.hpp"

namespace {

std::string safetensors(const std::string& header, std::size_t bytes) {
  const std::uint64_t n = header.size();
  return std::string(reinterpret_cast<const char*>(&n), 8) + header + std::string(bytes, '\1');
}

}  // namespace

static int fuzz_safetensors(int argc, char** argv) {
  const std::string a = R"("a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]})";
  const fuzz::Files seeds = {safetensors("{" + a + R"(,"b":{"dtype":"F16","shape":[4],"data_offsets":[24,32]}})", 32),
                             safetensors(R"({"__metadata__":{"format":"pt","parts":"a,b"},)" + a + "}   ", 24),
                             safetensors(R"({"x.y":{"dtype":"BOOL","shape":[],"data_offsets":[0,1]},)"
                                         R"("z":{"shape":[0,5],"dtype":"F8_E4M3","data_offsets":[1,1]}})",
                                         1),
                             safetensors(R"({"l":{"dtype":"I64","shape":[1,1],"data_offsets":[0,8]},)"
                                         R"("u":{"dtype":"U64","shape":[1],"data_offsets":[8,16]}})",
                                         16)};
  return fuzz::run(argc, argv, seeds,
                   [](const std::string& path) {
                     for (const auto& [name, tensor] : shunt::io::load_safetensors(path)) tensor.to<double>();
                     shunt::io::load_safetensors(path, {.map = false});
                     try {
                       shunt::io::load_checkpoint(path);
                     } catch (const shunt::IoError&) {}
                   },
                   {.words = {"\"dtype\":", "\"shape\":[", "\"data_offsets\":[", "\"BF16\"", "\"U16\"", "\"F8_E5M2\"",
                              "{", "}", "[", "]", ",", ":", "\"", "null", "-1", "1e3", "\\u0000", "__metadata__"},
                    .memory = 64});
}
static const fuzz::Target target_safetensors("safetensors", fuzz_safetensors);
