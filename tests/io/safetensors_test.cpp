#include "shunt/io/safetensors.hpp"

#include "shunt/tensor.hpp"
#include "support/damage.hpp"

using namespace shunt;

namespace {

std::string safetensors(const std::string& header, const std::string& data) {
  const std::uint64_t n = header.size();
  return std::string(reinterpret_cast<const char*>(&n), 8) + header + data;
}
const std::string a4 = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";

}  // namespace

TEST_CASE("safetensors: what is written is read, in order, bit for bit", "[io][safetensors]") {
  const TempFolder folder;
  const auto path = folder.path("x.safetensors");
  const auto m = randn({4, 6});
  StateDict dict;
  dict.set("z", m);
  dict.set("mask", tensor({1, 0, 1}).to<bool>());
  dict.set("view", m.t().slice(0, 1, 5, 2));
  dict.set("empty", zeros({0, 3}));
  dict.set("also empty", zeros<double>({2, 0}));
  dict.set("number", full<double>({}, 0.1));
  dict.set("half", randn({5}).to<bfloat16>());
  dict.set("ids", randint(0, 1000, {7}));
  dict.set("small", randint<std::uint8_t>(0, 255, {3, 3}));
  dict.set("int", randint<std::int32_t>(0, 255, {3}));
  dict.set("n\"\\\n\xc3\xa4", full({1}, NAN));
  io::save_safetensors(path, dict, {{"who", "a test"}});
  const auto file = io::read_safetensors(path);
  REQUIRE(file.metadata == io::Metadata{{"who", "a test"}});
  REQUIRE(file.tensors.size() == dict.size());
  auto ours = dict.begin();
  for (const auto& [name, tensor] : file.tensors) {
    CHECK(name == ours->first);
    CHECK(tensor.dtype() == ours->second.dtype());
    CHECK(tensor.shape() == ours->second.shape());
    std::string x, y;
    io::detail::visit_bytes(tensor, [&](const void* p, std::size_t n) { x.append(static_cast<const char*>(p), n); });
    io::detail::visit_bytes(ours->second,
                            [&](const void* p, std::size_t n) { y.append(static_cast<const char*>(p), n); });
    CHECK(x == y);
    ++ours;
  }
  io::save_safetensors(path, StateDict{});
  CHECK(io::load_safetensors(path).empty());
}

TEST_CASE("safetensors: files as others write them", "[io][safetensors]") {
  const TempFolder folder;
  const auto load = [&](const std::string& header, const std::string& data) {
    return io::load_safetensors(folder.file("x", safetensors(header, data)));
  };
  const std::string one("\0\0\x80\x3f", 4);
  CHECK(load("{" + a4 + "}     ", one)["a"].as<float>().item() == 1);
  CHECK(load(R"({"__metadata__":{"format":"pt"},)" + a4 + "}", one).size() == 1);
  CHECK(load(R"({"h":{"data_offsets":[0,4],"shape":[2,1],"dtype":"F16"}})", std::string("\0\x3c\0\xc0", 4))["h"]
            .as<float>()
            .to_vector() == std::vector<float>{1, -2});
  CHECK(load(R"({"h":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}})", "\xff\x05")["h"].as<std::int32_t>().at({0}) ==
        -1);
  CHECK(load("{}", "").empty());
}

TEST_CASE("safetensors: a header that does not fit the data, or itself, is an error that says why",
          "[io][safetensors]") {
  const TempFolder folder;
  const auto why = [&](const std::string& header, std::size_t bytes = 4) -> std::string {
    try {
      io::load_safetensors(folder.file("x.st", safetensors(header, std::string(bytes, '\0'))));
    } catch (const IoError& e) { return e.what(); }
    return "";
  };
  const auto entry = [](const std::string& name, const std::string& type, const std::string& shape,
                        const std::string& offsets) {
    return "\"" + name + R"(":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
  };
  using Catch::Contains;
  CHECK(why("{" + a4 + "}").empty());
  CHECK_THAT(why("{" + a4 + "}", 5), Contains("has 5") && Contains("x.st"));
  CHECK_THAT(why("{" + a4 + "}", 3), Contains("0 to 4 of 3"));
  CHECK_THAT(why("{" + a4 + "," + a4 + "}"), Contains("stands twice"));
  CHECK_THAT(why("{" + a4 + "," + entry("b", "F32", "[1]", "[0,4]") + "}"), Contains("within another"));
  CHECK_THAT(why("{" + a4 + "," + entry("b", "F32", "[1]", "[8,12]") + "}", 12), Contains("behind a gap"));
  CHECK_THAT(why("{" + entry("a", "F32", "[2]", "[0,4]") + "}"), Contains("takes 8"));
  CHECK_THAT(why("{" + entry("a", "F32", "[1]", "[4,0]") + "}"), Contains("4 to 0"));
  CHECK_THAT(why("{" + entry("a", "F32", "[1]", "[0,4,8]") + "}"), Contains("two data_offsets"));
  CHECK_THAT(why("{" + entry("a", "F32", "[-1]", "[0,4]") + "}"), Contains("not described"));
  CHECK_THAT(why("{" + entry("a", "F32", "[1.0]", "[0,4]") + "}"), Contains("not described"));
  CHECK_THAT(why("{" + entry("a", "F32", "[[1]]", "[0,4]") + "}"), Contains("not described"));
  CHECK_THAT(why("{" + entry("a", "F32", "[18446744073709551615]", "[0,4]") + "}"), Contains("cannot be held"));
  CHECK_THAT(why("{" + entry("a", "F32", "[2147483648,2147483648,2147483648]", "[0,4]") + "}"), Contains("takes"));
  CHECK_THAT(why("{" + entry("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") + "}"), Contains("cannot be held"));
  CHECK_THAT(why("{" + entry("a", "F8_E4M3", "[4]", "[0,4]") + "}"), Contains("F8_E4M3"));
  CHECK_THAT(why(R"({"a":{"dtype":"F32","shape":[1]}})"), Contains("lacks"));
  CHECK_THAT(why(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})"),
             Contains("repeated field"));
  CHECK_THAT(why(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}})"), Contains("'x'"));
  CHECK_THAT(why(R"({"a":5})"), Contains("not described"));
  CHECK_THAT(why(R"({"__metadata__":{"n":5}})", 0), Contains("not an object"));
  CHECK_THAT(why(R"([1])"), Contains("begin with '{'"));
  CHECK_THAT(why("{\"\xff\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"), Contains("not JSON"));
  CHECK_THAT(why("{" + a4), Contains("not JSON"));
  CHECK_THAT(why("{" + a4 + "}x"), Contains("not JSON"));
  std::string lie = safetensors("{}", "");
  lie[6] = 1;
  CHECK_THROWS_WITH(io::load_safetensors(folder.file("y", lie)), Contains("claims a header"));
  CHECK_THROWS_AS(io::save_safetensors(folder.path("z"), {{"__metadata__", zeros({1})}}), ValueError);
  CHECK_THROWS_AS(io::save_safetensors(folder.path("z"), {{"d", zeros<dual<float>>({1})}}), ValueError);
  CHECK_THROWS_AS(io::save_safetensors(folder.path("z"), {{"\xff", zeros({1})}}), IoError);
}

TEST_CASE("safetensors: damaged files are errors, and take no memory that they do not have", "[io][safetensors]") {
  const TempFolder folder;
  io::save_safetensors(folder.path("x"), {{"weight", arange<float>(12).reshape({3, 4})}, {"bias", zeros<double>({4})}});
  check_damage(folder.content("x"), [](const std::string& path) { io::load_safetensors(path); });
}
