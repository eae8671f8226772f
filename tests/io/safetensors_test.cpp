#include "shunt/io/safetensors.hpp"

#include <cmath>

#include "shunt/tensor.hpp"
#include "support/damage.hpp"
#include "support/reason.hpp"

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
  const auto why = [&](const std::string& header, std::size_t bytes = 4) {
    return reason([&] { io::load_safetensors(folder.file("x.st", safetensors(header, std::string(bytes, '\0')))); });
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
  CHECK_THAT(why("{" + entry("a", "F8_E8M0", "[4]", "[0,4]") + "}"), Contains("F8_E8M0"));
  CHECK_THAT(why("{" + entry("a", "F32", "[0,4611686018427387903,4611686018427387903]", "[0,0]") + "}", 0),
             Contains("takes"));
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

TEST_CASE("safetensors: every type of the format", "[io][safetensors]") {
  const TempFolder folder;
  const auto load = [&](const std::string& type, const std::string& data, std::int64_t n) {
    const auto header = R"({"a":{"dtype":")" + type + R"(","shape":[)" + std::to_string(n) + R"(],"data_offsets":[0,)" +
                        std::to_string(data.size()) + "]}}";
    return io::load_safetensors(folder.file("x", safetensors(header, data)))["a"];
  };
  const auto raw = [](const auto& values) {
    return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0]));
  };
  CHECK(load("F64", raw(std::vector<double>{0.1, -2}), 2).as<double>().to_vector() == std::vector<double>{0.1, -2});
  CHECK(load("F32", raw(std::vector<float>{0.1f}), 1).as<float>().item() == 0.1f);
  CHECK(load("F16", raw(std::vector<std::uint16_t>{0x3800}), 1).as<float>().item() == 0.5f);
  CHECK(load("BF16", raw(std::vector<std::uint16_t>{0x4049}), 1).as<bfloat16>().to<float>().item() == 3.140625f);
  CHECK(load("I64", raw(std::vector<std::int64_t>{-(1ll << 60)}), 1).as<std::int64_t>().item() == -(1ll << 60));
  CHECK(load("I32", raw(std::vector<std::int32_t>{-70000}), 1).as<std::int32_t>().item() == -70000);
  CHECK(load("I16", raw(std::vector<std::int16_t>{-300}), 1).as<std::int32_t>().item() == -300);
  CHECK(load("I8", raw(std::vector<std::int8_t>{-100}), 1).as<std::int32_t>().item() == -100);
  CHECK(load("U64", raw(std::vector<std::uint64_t>{1ull << 62}), 1).as<std::int64_t>().item() == 1ll << 62);
  CHECK_THROWS_WITH(load("U64", raw(std::vector<std::uint64_t>{1ull << 63}), 1), Catch::Contains("does not fit"));
  CHECK(load("U32", raw(std::vector<std::uint32_t>{4'000'000'000}), 1).as<std::int64_t>().item() == 4'000'000'000);
  CHECK(load("U16", raw(std::vector<std::uint16_t>{60000}), 1).as<std::int32_t>().item() == 60000);
  CHECK(load("U8", "\xff", 1).as<std::uint8_t>().item() == 255);
  CHECK(load("BOOL", std::string("\1\0", 2), 2).as<bool>().to_vector() == std::vector<bool>{true, false});
  CHECK_THROWS_WITH(load("BOOL", "\2", 1), Catch::Contains("a bool has the value 2"));
}

TEST_CASE("safetensors: all values of the float8 types", "[io][safetensors]") {
  const TempFolder folder;
  std::string all(256, '\0');
  for (int i = 0; i < 256; ++i) all[static_cast<std::size_t>(i)] = static_cast<char>(i);
  const auto dict = io::load_safetensors(
      folder.file("x", safetensors(R"({"a":{"dtype":"F8_E4M3","shape":[256],"data_offsets":[0,256]},)"
                                   R"("b":{"dtype":"F8_E5M2","shape":[256],"data_offsets":[256,512]}})",
                                   all + all)));
  // sign, exponent and mantissa as the format defines them; `bias` and the bits of the mantissa tell the two apart.
  const auto value = [](int v, int mantissa, int bias) {
    const int e = (v & 127) >> mantissa, m = v & ((1 << mantissa) - 1);
    const double size =
        e == 0 ? std::ldexp(m, 1 - bias - mantissa) : std::ldexp(m + (1 << mantissa), e - bias - mantissa);
    return static_cast<float>(v < 128 ? size : -size);
  };
  const auto e4m3 = dict["a"].as<float>(), e5m2 = dict["b"].as<float>();
  for (int i = 0; i < 256; ++i) {
    CAPTURE(i);
    const float a = e4m3.at({i}), b = e5m2.at({i});
    if ((i & 127) == 127) {
      CHECK(std::isnan(a));
    } else {
      CHECK(a == value(i, 3, 7));
      CHECK(std::signbit(a) == (i >= 128));
    }
    if ((i & 127) > 124) {
      CHECK(std::isnan(b));
    } else if ((i & 127) == 124) {
      CHECK(b == (i < 128 ? INFINITY : -INFINITY));
    } else {
      CHECK(b == value(i, 2, 15));
    }
  }
  CHECK(e4m3.at({126}) == 448);
}

TEST_CASE("safetensors: tensors lie in the mapped file, which writing into them does not change", "[io][safetensors]") {
  const TempFolder folder;
  const auto path = folder.path("x");
  const auto weight = arange<float>(1 << 16).reshape({256, 256});
  io::save_safetensors(path, {{"weight", weight}, {"bias", full<bfloat16>({3}, 2)}, {"mask", full<bool>({2}, 1)}});
  const auto before = folder.content("x");
  const auto mapped = [&] {
    std::ifstream maps("/proc/self/maps");
    std::string line;
    while (std::getline(maps, line))
      if (line.find(path) != std::string::npos) return true;
    return false;
  };
  const auto live = memory_stats().live;
  Tensor<float> kept;
  {
    const auto dict = io::load_safetensors(path);
    CHECK(memory_stats().live - live < 1024);
    kept = dict["weight"];
    CHECK(dict["weight"].as<float>().body().storage->owner);
    CHECK(dict["bias"].as<bfloat16>().body().storage->owner == kept.body().storage->owner);
    CHECK(dict["bias"].as<bfloat16>().body().storage != kept.body().storage);
    CHECK(equal(kept, weight));
    kept.add_(1);
    CHECK(kept.at({255, 255}) == 65536);
    CHECK(io::load_safetensors(path)["weight"].as<float>().at({255, 255}) == 65535);
  }
  CHECK(mapped());
  io::save_safetensors(path, {{"weight", kept}});  // onto the file that `kept` lies in
  CHECK(kept.at({0, 0}) == 1);
  CHECK(equal(io::load_safetensors(path, {.map = false})["weight"].as<float>(), kept));
  kept = Tensor<float>();
  CHECK_FALSE(mapped());
  CHECK(before.size() > folder.content("x").size());
  CHECK(memory_stats().live == live);

  const auto copied = io::load_safetensors(path, {.map = false});
  CHECK_FALSE(copied["weight"].as<float>().body().storage->owner);
  CHECK_FALSE(mapped());
}

TEST_CASE("safetensors: a mapped tensor is trained like any other", "[io][safetensors]") {
  const TempFolder folder;
  io::save_safetensors(folder.path("x"), {{"a", arange<float>(6)}, {"b", arange<float>(6)}});
  const auto dict = io::load_safetensors(folder.path("x"));
  Tensor<float> a = dict["a"], b = dict["b"];
  a.requires_grad();
  const auto first = (a * b).sum();
  a.detach().add_(1);  // one file, but a change of the one is no change of the other, which backward needs
  first.backward();
  CHECK(a.grad().to_vector() == std::vector<float>{0, 1, 2, 3, 4, 5});
  const auto second = (a * b).sum();
  b.add_(1);
  CHECK_THROWS_AS(second.backward(), GraphError);
  CHECK(a.at({5}) == 6);
  CHECK(b.at({5}) == 6);
}

TEST_CASE("safetensors: what does not lie at a multiple of its size is copied", "[io][safetensors]") {
  const TempFolder folder;
  const std::string one("\0\0\x80\x3f", 4);
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const auto dict =
        io::load_safetensors(folder.file("x", safetensors("{" + a4 + "}" + std::string(shift, ' '), one)));
    const auto begin = 8 + a4.size() + 2 + shift;
    CHECK(static_cast<bool>(dict["a"].as<float>().body().storage->owner) == (begin % 4 == 0));
    CHECK(dict["a"].as<float>().item() == 1);
  }
}

TEST_CASE("safetensors: a model in several files is loaded by its index", "[io][safetensors]") {
  const TempFolder folder;
  io::save_safetensors(folder.path("m-1.safetensors"), {{"z", arange<float>(3)}, {"b", zeros({2})}});
  io::save_safetensors(folder.path("m-2.safetensors"), {{"a", arange<std::int64_t>(4)}});
  const auto index = [&](const std::string& map) {
    return folder.file("model.safetensors.index.json",
                       R"({"metadata": {"total_size": 52}, "weight_map": )" + map + "}");
  };
  const std::string good = R"({"a": "m-2.safetensors", "b": "m-1.safetensors", "z": "m-1.safetensors"})";
  for (const bool map : {true, false}) {
    const auto dict = io::load_safetensors(index(good), {.map = map});
    REQUIRE(dict.size() == 3);
    CHECK(dict.begin()->first == "a");
    CHECK(dict["z"].as<float>().to_vector() == std::vector<float>{0, 1, 2});
    CHECK(dict["a"].as<std::int64_t>().at({3}) == 3);
  }
  const auto why = [&](const std::string& path) { return reason([&] { io::load_safetensors(path); }); };
  using Catch::Contains;
  CHECK_THAT(why(index(R"({"a": "m-2.safetensors", "y": "m-2.safetensors"})")),
             Contains("index.json") && Contains("'y'") && Contains("m-2.safetensors, which does not have it"));
  CHECK_THAT(why(index(R"({"a": "m-2.safetensors", "b": "m-1.safetensors"})")),
             Contains("does not list the tensor 'z' that stands in m-1.safetensors"));
  CHECK_THAT(why(index(R"({"a": "m-1.safetensors", "b": "m-1.safetensors", "z": "m-1.safetensors"})")),
             Contains("'a' in m-1.safetensors, which does not have it"));
  io::save_safetensors(folder.path("m-3.safetensors"), {{"a", zeros({1})}, {"c", zeros({1})}});
  CHECK_THAT(why(index(R"({"a": "m-2.safetensors", "c": "m-3.safetensors"})")),
             Contains("'a' in m-2.safetensors, and m-3.safetensors has it"));
  CHECK_THAT(why(index(R"({"a": "m-2.safetensors", "a": "m-2.safetensors"})")), Contains("'a' stands twice"));
  CHECK_THAT(why(index(R"({"a": "none.safetensors"})")), Contains("none.safetensors: cannot open"));
  for (const std::string name : {"../m-2.safetensors", "/m-2.safetensors", "a/b", "..", ".", "", "a\\\\b", "a\\u0000b"})
    CHECK_THAT(why(index(R"({"a": ")" + name + "\"}")), Contains("index.json: names the file '"));
  CHECK_THAT(why(index(R"({"a": 5})")), Contains("in which file the tensor 'a' is"));
  CHECK_THAT(why(index("[]")), Contains("no object 'weight_map'"));
  CHECK_THAT(why(folder.file("i.index.json", "[1]")), Contains("no object 'weight_map'"));
  CHECK_THAT(why(folder.file("i.index.json", "{\"weight_map\": {\"\xff\": \"a\"}}")), Contains("not JSON"));
  CHECK_THAT(why(folder.file("i.index.json", good.substr(0, 20))), Contains("not JSON"));
  CHECK_THAT(why(folder.file("i.index.json", std::string(200, '['))), Contains("nested deeper than 100"));
  CHECK(io::load_safetensors(folder.file("i.index.json", R"({"weight_map": {}})")).empty());
}
