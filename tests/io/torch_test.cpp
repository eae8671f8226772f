#include "shunt/io/torch.hpp"

#include <numeric>

#include "shunt/nn/conv.hpp"
#include "shunt/nn/norm.hpp"
#include "shunt/nn/sequential.hpp"
#include "shunt/tensor.hpp"
#include "support/damage.hpp"
#include "support/pickle_file.hpp"
#include "support/reason.hpp"

using namespace shunt;
using Catch::Contains;

namespace {

/// n values from `start` on, one apart: what the files' script calls a ramp.
template <class T>
std::vector<T> ramp(int n, int start = 0) {
  std::vector<T> v(static_cast<std::size_t>(n));
  std::iota(v.begin(), v.end(), static_cast<float>(start));
  return v;
}
template <class T>
std::vector<T> values(const StateDict& dict, const std::string& name) {
  return dict[name].as<T>().contiguous().to_vector();
}
std::string torch_reason(const TempFolder& folder, const std::string& bytes) {
  return reason([&] { io::load_torch(folder.file("x.pt", bytes)); });
}
const std::string four("\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40", 16);  // 1, 2, 3, 4

/// One tensor on a storage of four floats.
std::string one(const std::string& tensor) {
  return torch_file(pickled::dict(pickled::text("a") + tensor), {{"0", four}});
}
const std::string storage0 = pickled::storage("Float", "0", 4);

}  // namespace

TEST_CASE("torch: a network's state dict loads into the network", "[io][torch]") {
  const auto name = GENERATE("network.pt", "deflated.pt");
  for (const bool map : {true, false}) {
    const auto dict = io::load_torch(files + name, {.map = map});
    REQUIRE(dict.size() == 7);
    CHECK(dict.begin()->first == "conv.weight");
    CHECK(dict["conv.weight"].shape() == Shape{3, 2, 2, 2});
    CHECK(values<float>(dict, "conv.weight") == ramp<float>(24));
    CHECK(values<float>(dict, "bn.running_var") == ramp<float>(3, 500));
    CHECK(values<std::int64_t>(dict, "bn.num_batches_tracked") == std::vector<std::int64_t>{600});
    nn::Sequential<float> net{{"conv", nn::Conv2d({.in = 2, .out = 3, .kernel = 2})}, {"bn", nn::BatchNorm2d(3)}};
    net.load_state_dict(dict);
    CHECK(values<float>(net.state_dict(), "conv.bias") == ramp<float>(3, 100));
    CHECK(values<float>(net.state_dict(), "bn.bias") == ramp<float>(3, 300));
  }
}

TEST_CASE("torch: every storage type, views, nesting; numbers and texts are passed over", "[io][torch]") {
  const auto dict = io::load_torch(files + "kinds.pt");
  CHECK(dict["transposed"].shape() == Shape{6, 4});
  CHECK_FALSE(dict["transposed"].as<float>().is_contiguous());
  CHECK(equal(dict["transposed"].as<float>(), dict["float"].as<float>().t()));
  CHECK(values<float>(dict, "strided") == std::vector<float>{7, 9, 11, 19, 21, 23});
  CHECK(values<float>(dict, "row") == ramp<float>(6, 12));
  CHECK(values<float>(dict, "expanded") == std::vector<float>{0, 1, 2, 0, 1, 2});
  CHECK(dict["empty"].shape() == Shape{0, 5});
  CHECK(dict["scalar"].as<float>().item() == 2.5f);
  CHECK(values<double>(dict, "double") == ramp<double>(6, -2));
  CHECK(values<float>(dict, "half") == ramp<float>(6, -2));
  CHECK(dict["bfloat16"].to<float>().to_vector() == ramp<float>(6, -2));
  CHECK(dict["bfloat16"].is<bfloat16>());
  CHECK(values<std::int64_t>(dict, "long") == ramp<std::int64_t>(6, -2));
  CHECK(values<std::int32_t>(dict, "int") == ramp<std::int32_t>(6, -2));
  CHECK(values<std::int32_t>(dict, "short") == ramp<std::int32_t>(6, -2));
  CHECK(values<std::int32_t>(dict, "char") == ramp<std::int32_t>(6, -2));
  CHECK(values<std::uint8_t>(dict, "byte") == ramp<std::uint8_t>(6, 250));
  CHECK(values<bool>(dict, "bool") == std::vector<bool>{true, false, true});
  CHECK(values<float>(dict, "parameter") == ramp<float>(2));
  CHECK(dict["wide"].shape() == Shape{1, 3, 1, 1});
  CHECK(values<float>(dict, "nested.list.0") == ramp<float>(1));
  CHECK(values<float>(dict, "nested.list.2.deep") == ramp<float>(2));
  CHECK(values<float>(dict, "nested.pair.0") == ramp<float>(1));
  CHECK(values<float>(dict, "nested.7") == ramp<float>(1));
  CHECK(dict.size() == 24);
}

TEST_CASE("torch: tensors on one storage stay on one, and never reach the file", "[io][torch]") {
  const TempFolder folder;
  const auto path = folder.file("x.pt", content_of(files + "kinds.pt"));
  {
    const auto dict = io::load_torch(path);
    CHECK(dict["left"].as<std::int64_t>().body().storage == dict["right"].as<std::int64_t>().body().storage);
    CHECK(dict["left"].as<std::int64_t>().data() + 4 == dict["right"].as<std::int64_t>().data());
    dict["row"].as<float>().data()[0] = -1;
    CHECK(dict["float"].as<float>().at({2, 0}) == -1);
    CHECK(dict["float"].as<float>().body().storage->owner);
  }
  CHECK(content_of(path) == content_of(files + "kinds.pt"));
}

TEST_CASE("torch: a class that is no state dict is refused by name, and nothing is called", "[io][torch]") {
  const TempFolder folder;
  CHECK_THAT(torch_reason(folder, content_of(files + "module.pt")),
             Contains("x.pt") && Contains("torch.nn.modules.linear.Linear") && Contains("at byte 2") &&
                 Contains("state_dict()"));
  const auto command = "touch " + folder.path("touched");
  const auto call = [&](const std::string& module, const std::string& name) {
    return torch_reason(folder,
                        torch_file("\x80\x02" + pickled::global(module, name) + pickled::text(command) + "\x85R."));
  };
  CHECK_THAT(call("os", "system"), Contains("global os.system") && Contains("at byte 2"));
  CHECK_THAT(call("posix", "system"), Contains("posix.system"));
  CHECK_THAT(call("builtins", "eval"), Contains("builtins.eval"));
  CHECK_THAT(call("torch._utils", "_rebuild_tensor_v2"), Contains("no dict"));
  CHECK_THAT(call("collections", "OrderedDict"), Contains("OrderedDict with arguments"));
  CHECK_THAT(call("torch", "FloatStorage.x"), Contains("torch.FloatStorage.x"));
  CHECK_THAT(call("torch.storage", "_load_from_bytes"), Contains("torch.storage._load_from_bytes"));
  CHECK_THAT(call("a\xff", "b"), Contains("unlikely name"));
  CHECK(folder.files() == 1);
  CHECK_THAT(torch_reason(folder, content_of(files + "old.pt")), Contains("before 1.6") && Contains("torch.save"));
}

TEST_CASE("torch: opcodes that a state dict does not need are refused by name and place", "[io][torch]") {
  const TempFolder folder;
  const auto [code, name] = GENERATE(table<int, std::string>({{'i', "INST"},
                                                              {'o', "OBJ"},
                                                              {0x81, "NEWOBJ"},
                                                              {0x92, "NEWOBJ_EX"},
                                                              {0x93, "STACK_GLOBAL"},
                                                              {'P', "PERSID"},
                                                              {0x82, "EXT1"},
                                                              {0x8c, "SHORT_BINUNICODE"},
                                                              {0x95, "FRAME"},
                                                              {'0', "POP"},
                                                              {'2', "DUP"},
                                                              {0xff, "number 255"}}));
  CHECK_THAT(torch_reason(folder, torch_file("\x80\x02}" + std::string(1, static_cast<char>(code)) + ".")),
             Contains("at byte 3: the opcode") && Contains(name));
}

TEST_CASE("torch: pickles that make no sense are errors that say where", "[io][torch]") {
  const TempFolder folder;
  const auto pickle = [&](const std::string& body) { return torch_reason(folder, torch_file("\x80\x02" + body)); };
  CHECK(pickle("}.").empty());
  CHECK(pickle("}(u.").empty());
  CHECK_THAT(torch_reason(folder, torch_file("")), Contains("does not begin as a pickle"));
  CHECK_THAT(torch_reason(folder, torch_file("\x80\x04}.")), Contains("protocol 4"));
  CHECK_THAT(pickle("}"), Contains("at byte 3: the pickle ends early"));
  CHECK_THAT(pickle("}.."), Contains("behind the end"));
  CHECK_THAT(pickle("."), Contains("ends with 0 values"));
  CHECK_THAT(pickle("}}."), Contains("ends with 2 values"));
  CHECK_THAT(pickle("}(."), Contains("ends with 1 values"));
  CHECK_THAT(pickle("]."), Contains("no dict of tensors"));
  CHECK_THAT(pickle("a"), Contains("the stack is empty"));
  CHECK_THAT(pickle("}u"), Contains("there is no mark"));
  CHECK_THAT(pickle("}(Nu"), Contains("a key without a value"));
  CHECK_THAT(pickle("}NNa"), Contains("no list to add to"));
  CHECK_THAT(pickle("]NNs"), Contains("no dict to add to"));
  CHECK_THAT(pickle("}(}Ns"), Contains("no dict to add to"));
  CHECK_THAT(pickle("N\x86"), Contains("the stack is empty"));
  CHECK_THAT(pickle("}NR"), Contains("REDUCE"));
  CHECK_THAT(pickle("}Nb"), Contains("BUILD"));
  CHECK_THAT(pickle("]}b"), Contains("no dict to add to"));
  CHECK_THAT(pickle(std::string("h\0", 2)), Contains("memo 0 is empty"));
  CHECK_THAT(pickle("}r\xff\xff\xff\xff"), Contains("memo of 4294967295 entries"));
  CHECK_THAT(pickle("q\1"), Contains("the stack is empty"));
  CHECK_THAT(pickle("X\xff\xff\xff\xff"
                    "abc"),
             Contains("at byte 2: the pickle ends early"));
  CHECK_THAT(pickle("\x8a\xff"
                    "abc"),
             Contains("ends early"));
  CHECK_THAT(pickle("cos"), Contains("ends early"));
  CHECK_THAT(pickle("}" + pickled::text("\xed\xa0\x80") + "Ns."), Contains("not UTF-8"));
  CHECK_THAT(pickle("}NNs."), Contains("neither text nor a number"));
  CHECK_THAT(pickle(std::string(2000, '(')), Contains("deeper than 1000"));
}

TEST_CASE("torch: containers within themselves, and shared without end, are refused", "[io][torch]") {
  const TempFolder folder;
  // d = {"a": d}
  CHECK_THAT(torch_reason(folder, torch_file("\x80\x02}q\1" + pickled::text("a") + "h\1s.")),
             Contains("within itself"));
  // Sixty dicts, each with the one before twice: 2^60 ways to the innermost.
  std::string body = "\x80\x02}q" + std::string(1, '\0');
  for (char i = 0; i < 60; ++i) {
    const std::string before = std::string("h") + i;
    body += "}(" + pickled::text("a") + before + pickled::text("b") + before + "uq" + static_cast<char>(i + 1);
  }
  body += ".";
  // All but the last are left on the stack; a tuple around them keeps one.
  CHECK_THAT(torch_reason(folder, torch_file("\x80\x02}" + pickled::text("all") + "(" +
                                             body.substr(2, body.size() - 3) + "ts.")),
             Contains("share their content"));
  // A long key on each of many levels.
  std::string nested;
  for (int i = 0; i < 50; ++i) nested += "}" + pickled::text(std::string(100, 'k'));
  CHECK_THAT(torch_reason(folder, torch_file("\x80\x02" + nested + "N" + std::string(50, 's') + ".")),
             Contains("4096"));
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "}" + pickled::text("k");
  CHECK_THAT(torch_reason(folder, torch_file("\x80\x02" + deep + "N" + std::string(100, 's') + ".")),
             Contains("deeper than 64"));
}

TEST_CASE("torch: names that meet are refused", "[io][torch]") {
  const TempFolder folder;
  const auto t = pickled::tensor(storage0, 0, {4}, {1});
  const auto file = [&](const std::string& entries) { return torch_file(pickled::dict(entries), {{"0", four}}); };
  CHECK(torch_reason(folder, file(pickled::text("a") + t + pickled::text("b") + t)).empty());
  CHECK_THAT(torch_reason(folder, file(pickled::text("a") + t + pickled::text("a") + t)), Contains("called 'a'"));
  CHECK_THAT(
      torch_reason(folder, file(pickled::text("a.b") + t + pickled::text("a") + "}" + pickled::text("b") + t + "s")),
      Contains("called 'a.b'"));
  CHECK_THAT(torch_reason(folder, file("N" + t)), Contains("neither text nor a number"));
}

TEST_CASE("torch: a tensor that leaves its storage is refused, however it tries", "[io][torch]") {
  const TempFolder folder;
  const auto at = [&](std::int64_t offset, const std::vector<std::int64_t>& sizes,
                      const std::vector<std::int64_t>& strides) {
    return torch_reason(folder, one(pickled::tensor(storage0, offset, sizes, strides)));
  };
  constexpr auto big = std::int64_t{1} << 62;
  CHECK(at(0, {4}, {1}).empty());
  CHECK(at(3, {}, {}).empty());
  CHECK(at(1, {2, 2}, {2, 0}).empty());
  CHECK(at(9, {0, 3}, {3, 1}).empty());
  CHECK(at(0, {1, 4}, {big, 1}).empty());
  CHECK_THAT(at(1, {4}, {1}), Contains("leaves its storage of 4") && Contains("(4,)"));
  CHECK_THAT(at(4, {}, {}), Contains("leaves its storage"));
  CHECK_THAT(at(0, {2, 2}, {3, 1}), Contains("leaves its storage"));
  CHECK_THAT(at(0, {2}, {big}), Contains("leaves its storage"));
  CHECK_THAT(at(0, {5}, {big}), Contains("leaves its storage"));
  CHECK_THAT(at(big, {3}, {big}), Contains("leaves its storage"));
  CHECK_THAT(at(-1, {1}, {1}), Contains("offset -1"));
  CHECK_THAT(at(0, {-1}, {1}), Contains("from 0 on"));
  CHECK_THAT(at(3, {2}, {-1}), Contains("from 0 on"));
  CHECK_THAT(at(0, {big, 4}, {0, 1}), Contains("too large"));
  CHECK_THAT(at(0, {0, big, big}, {0, 0, 0}), Contains("too large"));
  CHECK_THAT(at(0, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}), Contains("9 dimensions"));
  CHECK_THAT(at(0, {2, 2}, {1}), Contains("with strides"));

  const auto back = io::load_torch(folder.file("x.pt", one(pickled::tensor(storage0, 1, {1, 3}, {big, 1}))));
  CHECK(values<float>(back, "a") == std::vector<float>{2, 3, 4});
}

TEST_CASE("torch: storages that are not what the pickle says", "[io][torch]") {
  const TempFolder folder;
  using namespace pickled;
  const auto on = [&](const std::string& storage) { return torch_reason(folder, one(tensor(storage, 0, {1}, {1}))); };
  CHECK_THAT(on(storage("Float", "1", 4)), Contains("storage '1' is not in the archive"));
  CHECK_THAT(on(storage("Float", "../version", 4)), Contains("is not in the archive"));
  CHECK_THAT(on(storage("Float", "0", 5)), Contains("takes 20 bytes, the archive has 16"));
  CHECK_THAT(on(storage("Double", "0", 4)), Contains("takes 32 bytes"));
  CHECK_THAT(on(storage("Float", "0", std::int64_t{1} << 62)), Contains("takes"));
  CHECK_THAT(on(storage("Float", "0", -4)), Contains("not described"));
  CHECK_THAT(on(text("0") + "Q"), Contains("not described"));
  CHECK_THAT(on("NQ"), Contains("not described"));
  CHECK_THAT(on(storage("Bool", "0", 16)), Contains("a bool has the value"));
  CHECK_THAT(
      on("(" + text("storage") + global("collections", "OrderedDict") + text("0") + text("cpu") + number(4) + "tQ"),
      Contains("no storage type"));
  CHECK_THAT(torch_reason(folder, torch_file(dict(text("a") + tensor(storage("Float", "0", 4), 0, {1}, {1}) +
                                                  text("b") + tensor(storage("Int", "0", 4), 0, {1}, {1})),
                                             {{"0", four}})),
             Contains("described in two ways"));
  const auto call = [&](const std::string& function, const std::string& arguments) {
    return torch_reason(folder,
                        one(global(function.substr(0, function.rfind('.')), function.substr(function.rfind('.') + 1)) +
                            arguments + "R"));
  };
  CHECK_THAT(call("torch._utils._rebuild_tensor_v2", ")"), Contains("a tensor of 0 arguments"));
  CHECK_THAT(call("torch._utils._rebuild_tensor_v2", "(NNNNNNt"), Contains("argument 0"));
  CHECK_THAT(call("torch._utils._rebuild_parameter", "N\x85"), Contains("not described as PyTorch does"));
  CHECK_THAT(call("torch._utils._rebuild_parameter", "N\x88N\x87"), Contains("argument 0"));
  CHECK_THAT(call("torch.FloatStorage", ")"), Contains("a storage type is called"));
}

TEST_CASE("torch: archives that torch.save did not write", "[io][torch]") {
  const TempFolder folder;
  const std::string empty = "\x80\x02}.";
  CHECK(torch_reason(folder, zip_of({{"x/data.pkl", empty}})).empty());
  CHECK(torch_reason(folder, zip_of({{"x/data.pkl", empty}, {"x/byteorder", "little"}})).empty());
  CHECK_THAT(torch_reason(folder, zip_of({{"x/data.pkl", empty}, {"x/byteorder", "big"}})), Contains("big-endian"));
  CHECK_THAT(torch_reason(folder, zip_of({{"a.npy", "b"}})), Contains("none that torch.save wrote"));
  CHECK_THAT(torch_reason(folder, zip_of({{"x/data.pkl", empty}, {"y/data.pkl", empty}})), Contains("two pickles"));
  std::mt19937 random(1);
  std::string noise(40'000, '\0');
  for (auto& c : noise) c = static_cast<char>(random());
  CHECK_THAT(
      torch_reason(folder, zip_of({{.name = "x/data.pkl", .content = noise, .deflate = true, .size = (1 << 25) + 1}})),
      Contains("more than 33554432"));
  CHECK_THAT(torch_reason(folder, "\x93NUMPY"), Contains("no zip archive"));
  CHECK_THAT(torch_reason(folder, "PK"), Contains("no zip archive"));
}

TEST_CASE("torch: damaged files are errors, and take no memory that they do not have", "[io][torch]") {
  const auto read = [](const std::string& path) { io::load_torch(path); };
  check_damage(content_of(files + "network.pt"), read);
  // The pickle itself, behind a right checksum.
  const auto good =
      pickled::dict(pickled::text("a") + pickled::tensor(storage0, 1, {3, 1}, {1, 1}) + pickled::text("b") +
                    pickled::number(5) + pickled::text("c") + "}" + pickled::text("d") +
                    pickled::tensor(pickled::storage("Half", "1", 8), 0, {2, 2}, {4, 1}) + "s");
  const TempFolder folder;
  REQUIRE(torch_reason(folder, torch_file(good, {{"0", four}, {"1", four}})).empty());
  for (std::size_t i = 0; i < 8 * good.size(); ++i) {
    auto bad = good;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ 1 << i % 8);
    try {
      for (const auto& [name, tensor] :
           io::load_torch(folder.file("x.pt", torch_file(bad, {{"0", four}, {"1", four}}))))
        tensor.to<double>();  // every element can be read
    } catch (const IoError&) {}
  }
  for (std::size_t n = 0; n < good.size(); ++n)
    if (torch_reason(folder, torch_file(good.substr(0, n), {{"0", four}, {"1", four}})).empty())
      FAIL("read after " << n << " bytes");
}
