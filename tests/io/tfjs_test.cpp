#include "shunt/io/tfjs.hpp"

#include "shunt/tensor.hpp"
#include "support/damage.hpp"
#include "support/reason.hpp"

using namespace shunt;
using Catch::Contains;

namespace {

std::string weight(const std::string& name, const std::string& shape, const std::string& type,
                   const std::string& quantization = "") {
  return R"({"name":")" + name + R"(","shape":)" + shape + R"(,"dtype":")" + type + "\"" +
         (quantization.empty() ? "" : R"(,"quantization":)" + quantization) + "}";
}
std::string group(const std::string& paths, const std::string& weights) {
  return R"({"paths":[)" + paths + R"(],"weights":[)" + weights + "]}";
}

}  // namespace

TEST_CASE("tfjs: weights that go from one file into the next", "[io][tfjs]") {
  const TempFolder folder;
  const auto data = raw<float>({1, 2, 3, 4, 5, 6}) + raw<std::int32_t>({-7, 8}) + "\1";
  folder.file("s1", data.substr(0, 5));
  folder.file("s2", data.substr(5, 2));
  folder.file("s3", "");
  folder.file("s4", data.substr(7));
  folder.file("other", std::string("\0\1", 2));
  const auto groups =
      "[" +
      group(R"("s1","s2","s3","s4")",
            weight("a/b", "[2,3]", "float32") + "," + weight("c", "[2]", "int32") + "," + weight("d", "[]", "bool")) +
      "," + group(R"("other")", weight("e", "[2]", "bool") + "," + weight("none", "[0,3]", "float32")) + "]";
  for (const auto& manifest :
       {groups, R"({"modelTopology":{"node":[{"x":null},1.5]},"weightsManifest":)" + groups + ",\"format\":\"x\"}"}) {
    const auto dict = io::load_tfjs(folder.file("m.json", manifest));
    REQUIRE(dict.size() == 5);
    CHECK(dict.begin()->first == "a/b");
    CHECK(dict["a/b"].shape() == Shape{2, 3});
    CHECK(dict["a/b"].as<float>().to_vector() == std::vector<float>{1, 2, 3, 4, 5, 6});
    CHECK(dict["c"].as<std::int32_t>().to_vector() == std::vector<std::int32_t>{-7, 8});
    CHECK(dict["d"].as<bool>().item());
    CHECK(dict["e"].as<bool>().to_vector() == std::vector<bool>{false, true});
    CHECK(dict["none"].shape() == Shape{0, 3});
  }
}

TEST_CASE("tfjs: quantized weights", "[io][tfjs]") {
  const TempFolder folder;
  const std::string data("\x00\x01\xff", 3);
  folder.file("s",
              data + raw<std::uint16_t>({0, 65535}) + raw<std::uint16_t>({0x3c00, 0xc000}) + std::string("\0\5", 2));
  const auto dict = io::load_tfjs(folder.file(
      "m.json", "[" +
                    group("\"s\"", weight("a", "[3]", "float32", R"({"dtype":"uint8","scale":0.1,"min":-3})") + "," +
                                       weight("b", "[2]", "float32", R"({"dtype":"uint16","scale":2,"min":0.25})") +
                                       "," + weight("c", "[2]", "float32", R"({"dtype":"float16"})") + "," +
                                       weight("d", "[2]", "int32", R"({"dtype":"uint8","scale":0.5,"min":-1})")) +
                    "]"));
  CHECK(dict["a"].as<float>().to_vector() == std::vector<float>{-3, static_cast<float>(1 * 0.1 - 3), 255 * 0.1 - 3});
  CHECK(dict["b"].as<float>().to_vector() == std::vector<float>{0.25, 131070.25});
  CHECK(dict["c"].as<float>().to_vector() == std::vector<float>{1, -2});
  CHECK(dict["d"].as<std::int32_t>().to_vector() == std::vector<std::int32_t>{-1, 2});  // 1.5, rounded up
}

TEST_CASE("tfjs: a manifest that does not fit its files, or itself, is an error that says why", "[io][tfjs]") {
  const TempFolder folder;
  folder.file("s", raw<float>({1, 2}));
  const auto why = [&](const std::string& text) { return reason([&] { io::load_tfjs(folder.file("m.json", text)); }); };
  const auto with = [&](const std::string& weights) { return why("[" + group("\"s\"", weights) + "]"); };
  const auto a = weight("a", "[2]", "float32");
  CHECK(with(a).empty());
  CHECK(why("[]").empty());
  CHECK_THAT(with(weight("a", "[3]", "float32")), Contains("m.json") && Contains("'a' takes 12 bytes from 0 on"));
  CHECK_THAT(with(weight("a", "[1]", "float32")), Contains("weights take 4 bytes, their files have 8"));
  CHECK_THAT(with(weight("a", "[1]", "float32") + "," + weight("a", "[1]", "int32")), Contains("'a' stands twice"));
  CHECK_THAT(with(weight("a", "[4611686018427387904]", "float32")), Contains("cannot be held"));
  CHECK_THAT(with(weight("a", "[4611686018427387903]", "float32")), Contains("takes"));
  CHECK_THAT(with(weight("a", "[0,4611686018427387903,4]", "float32")), Contains("takes"));
  CHECK_THAT(with(weight("a", "[2147483648,2147483648,2147483648]", "float32")), Contains("takes"));
  CHECK_THAT(with(weight("a", "[-2]", "float32")), Contains("cannot be held"));
  CHECK_THAT(with(weight("a", "[2.0]", "float32")), Contains("cannot be held"));
  CHECK_THAT(with(weight("a", "[1,1,1,1,1,1,1,1,2]", "float32")), Contains("cannot be held"));
  CHECK_THAT(with(weight("a", "2", "float32")), Contains("'shape' is no list"));
  CHECK_THAT(with(weight("a", "[2]", "string")), Contains("of the type \"string\""));
  CHECK_THAT(with(weight("a", "[8]", "bool")), Contains("a bool has the value"));
  CHECK_THAT(with(R"({"name":"a","shape":[2]})"), Contains("'dtype' is missing"));
  CHECK_THAT(with(R"({"name":5,"shape":[2],"dtype":"float32"})"), Contains("without a name"));
  CHECK_THAT(with("5"), Contains("without a name"));
  const auto quantized = [&](const std::string& q) { return with(weight("a", "[8]", "float32", q)); };
  CHECK(quantized(R"({"dtype":"uint8","scale":1,"min":0})").empty());
  CHECK_THAT(quantized(R"({"dtype":"uint4","scale":1,"min":0})"), Contains("quantized as \"uint4\""));
  CHECK_THAT(quantized(R"({"dtype":"uint8","scale":"1","min":0})"), Contains("no number"));
  CHECK_THAT(quantized(R"({"dtype":"uint8","scale":1})"), Contains("'min' is missing"));
  CHECK_THAT(quantized("5"), Contains("no object"));
  CHECK_THAT(with(weight("a", "[8]", "bool", R"({"dtype":"uint8","scale":1,"min":0})")), Contains("cannot be read"));
  CHECK_THAT(with(weight("a", "[4]", "int32", R"({"dtype":"float16"})")), Contains("cannot be read"));
  CHECK_THAT(with(weight("a", "[8]", "int32", R"({"dtype":"uint8","scale":1e300,"min":0})")), Contains("no int32"));
  CHECK_THAT(why("[" + group("\"s\",\"s\"", a) + "]"), Contains("names the file 's' twice"));
  CHECK_THAT(why("[" + group("\"s\"", a) + "," + group("\"s\"", a) + "]"), Contains("names the file 's' twice"));
  CHECK_THAT(why("[" + group("\"none\"", a) + "]"), Contains("none: cannot open"));
  CHECK_THAT(why("[" + group("5", a) + "]"), Contains("not one of its own folder: 5"));
  for (const std::string name : {"../s", "/s", "a/s", "..", ""})
    CHECK_THAT(why("[" + group("\"" + name + "\"", a) + "]"), Contains("not one of its own folder"));
  CHECK_THAT(why("{}"), Contains("'weightsManifest' is missing"));
  CHECK_THAT(why("5"), Contains("no list of groups"));
  CHECK_THAT(why(R"({"weightsManifest":{}})"), Contains("no list of groups"));
  CHECK_THAT(why("[5]"), Contains("a group that is no object"));
  CHECK_THAT(why(R"([{"paths":[]}])"), Contains("'weights' is missing"));
  CHECK_THAT(why(R"([{"paths":[],"weights":5}])"), Contains("'weights' is no list"));
  CHECK_THAT(why(R"([{"paths":[],"paths":[],"weights":[]}])"), Contains("'paths' stands twice"));
  CHECK_THAT(why("[{\"\xff\":1}]"), Contains("not JSON"));
  CHECK_THAT(why("[1e999]"), Contains("not JSON"));
  CHECK_THAT(why("["), Contains("not JSON"));
  CHECK_THAT(why(""), Contains("not JSON"));
  CHECK_THAT(why(std::string(5000, '[')), Contains("deeper than 100"));
}

TEST_CASE("tfjs: damaged manifests are errors or read as they are", "[io][tfjs]") {
  const TempFolder folder;
  folder.file("s", raw<float>({1, 2}));
  const auto good = "[" +
                    group("\"s\"", weight("a", "[4]", "float32", R"({"dtype":"uint8","scale":1,"min":0.5})") + "," +
                                       weight("b", "[2]", "float32", R"({"dtype":"float16"})")) +
                    "]";
  int read = 0;
  for (std::size_t n = 0; n < good.size(); ++n) {
    CHECK_THROWS_AS(io::load_tfjs(folder.file("m.json", good.substr(0, n))), IoError);
    for (int bit = 0; bit < 8; ++bit) {
      auto bad = good;
      bad[n] = static_cast<char>(bad[n] ^ 1 << bit);
      try {
        read += static_cast<int>(io::load_tfjs(folder.file("m.json", bad)).size());
      } catch (const IoError&) {}
    }
  }
  CHECK(read > 0);  // other names, other scales
}
