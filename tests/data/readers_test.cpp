// IDX, CIFAR and CSV: good files, and all that can be wrong with a file.
#include "shunt/data/cifar.hpp"
#include "shunt/data/csv.hpp"
#include "shunt/data/gzip.hpp"
#include "shunt/data/idx.hpp"
#include "shunt/tensor.hpp"
#include "support/damage.hpp"
#include "support/deflate.hpp"
#include "support/reason.hpp"

using namespace shunt;
using Catch::Contains;

namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (int v : values) out += static_cast<char>(v);
  return out;
}

const std::string idx_2x3 = bytes({0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255});

}  // namespace

TEST_CASE("IDX: every type, big-endian", "[data][idx]") {
  const TempFolder folder;
  const auto load = [&](const std::string& content) { return data::load_idx(folder.file("x", content)); };
  const auto u8 = load(idx_2x3).as<std::uint8_t>();
  CHECK(u8.shape() == Shape{2, 3});
  CHECK(u8.to_vector() == std::vector<std::uint8_t>{1, 2, 3, 4, 5, 255});
  CHECK(load(bytes({0, 0, 9, 1, 0, 0, 0, 1, 255})).as<std::int32_t>().item() == -1);
  CHECK(load(bytes({0, 0, 11, 1, 0, 0, 0, 1, 255, 254})).as<std::int32_t>().item() == -2);
  CHECK(load(bytes({0, 0, 12, 1, 0, 0, 0, 1, 0, 0, 1, 2})).as<std::int32_t>().item() == 258);
  CHECK(load(bytes({0, 0, 13, 1, 0, 0, 0, 1, 0x3f, 0x80, 0, 0})).as<float>().item() == 1);
  CHECK(load(bytes({0, 0, 14, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0})).as<double>().item() == -2);
  CHECK(load(bytes({0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 3})).shape() == Shape{0, 3});
}

TEST_CASE("IDX: lies are refused before anything is allocated", "[data][idx]") {
  const TempFolder folder;
  const auto why = [&](const std::string& content) {
    return reason([&] { data::load_idx(folder.file("x.idx", content)); });
  };
  CHECK_THAT(why(idx_2x3.substr(0, 17)), Contains("claims (2, 3)") && Contains("x.idx"));
  CHECK_THAT(why(idx_2x3 + "x"), Contains("has 7 bytes"));
  CHECK_THAT(why(bytes({0, 0, 8, 3, 127, 255, 255, 255, 127, 255, 255, 255, 127, 255, 255, 255, 1})),
             Contains("2147483647"));
  CHECK_THAT(why(bytes({0, 0, 14, 2, 255, 255, 255, 255, 255, 255, 255, 255, 1})), Contains("4294967295"));
  CHECK_THAT(why(bytes({0, 0, 7, 1, 0, 0, 0, 1, 1})), Contains("type 7"));
  CHECK_THAT(why(bytes({1, 0, 8, 1, 0, 0, 0, 1, 1})), Contains("no IDX file"));
  CHECK_THAT(why(bytes({0, 0, 8, 9})), Contains("9 dimensions"));
  CHECK_THAT(why(gzipped(idx_2x3)), Contains("gzip.hpp"));
  check_damage(idx_2x3, [](const std::string& path) { data::load_idx(path); });
}

TEST_CASE("gzip: plain files, members, and every reader", "[data][gzip]") {
  const TempFolder folder;
  const auto read = [&](const std::string& content) {
    const auto b = data::read_gzip(folder.file("x.gz", content));
    return std::string(b.data.begin(), b.data.end());
  };
  CHECK(read("plain") == "plain");
  CHECK(read(gzipped("")).empty());
  CHECK(read(gzipped("one, ") + gzipped("two")) == "one, two");
  std::string large;
  for (int i = 0; i < 100000; ++i) large += std::to_string(i * 7919);
  CHECK(read(gzipped(large)) == large);
  CHECK(read(gzipped(large, 0)) == large);
  CHECK(data::load_idx(data::read_gzip(folder.file("i.gz", gzipped(idx_2x3)))).shape() == Shape{2, 3});
}

TEST_CASE("gzip: damage, bytes behind the end, and bombs", "[data][gzip]") {
  const TempFolder folder;
  const auto read = [](const std::string& path) { data::load_idx(data::read_gzip(path)); };
  check_damage(gzipped(idx_2x3), read, 500);
  CHECK_THAT(reason([&] { read(folder.file("x.gz", gzipped(idx_2x3) + "rest")); }), Contains("behind its gzip data"));
  CHECK_THAT(reason([&] { read(folder.file("x.gz", gzipped(idx_2x3).substr(0, 30))); }), Contains("end early"));
  const auto bomb = gzipped(std::string(1 << 22, '\0'));
  CHECK(bomb.size() < 10000);
  const auto path = folder.file("bomb.gz", bomb);
  CHECK_THAT(reason([&] { data::read_gzip(path, (1 << 22) - 1); }), Contains("more than 4194303 bytes"));
  CHECK(data::read_gzip(path, 1 << 22).data.size() == 1 << 22);
}

TEST_CASE("CIFAR: records of labels and images", "[data][cifar]") {
  const TempFolder folder;
  std::string ten, hundred;
  for (int i = 0; i < 3; ++i) {
    ten += static_cast<char>(9 - i);
    hundred += bytes({i, 99 - i});
    for (int p = 0; p < 3072; ++p) (ten += static_cast<char>(p + i)), hundred += static_cast<char>(p - i);
  }
  const auto path = folder.file("a.bin", ten);
  const auto a = data::load_cifar10(std::vector{path, path});
  CHECK(a.images.shape() == Shape{6, 3, 32, 32});
  CHECK(a.labels.to_vector() == std::vector<std::int64_t>{9, 8, 7, 9, 8, 7});
  CHECK(a.images.at({4, 1, 2, 3}) == static_cast<std::uint8_t>(1024 + 64 + 3 + 1));
  const auto b = data::load_cifar100(folder.file("b.bin", hundred));
  CHECK(b.labels.to_vector() == std::vector<std::int64_t>{99, 98, 97});
  CHECK(b.coarse_labels.to_vector() == std::vector<std::int64_t>{0, 1, 2});
  CHECK(b.images.at({2, 0, 0, 5}) == 3);

  const auto why = [&](const std::string& content) {
    return reason([&] { data::load_cifar10(folder.file("c.bin", content)); });
  };
  CHECK_THAT(why(ten.substr(1)), Contains("no whole number of records") && Contains("c.bin"));
  CHECK_THAT(why(""), Contains("no whole number"));
  CHECK_THAT(why("\x0a" + ten.substr(1)), Contains("label 10"));
  check_damage(
      ten, [](const std::string& p) { data::load_cifar10(p); }, 50);
}

TEST_CASE("CSV: numbers, with and without a header", "[data][csv]") {
  const TempFolder folder;
  const auto a = data::load_csv(folder.file("a.csv", "1, 2.5,-3e2\r\n\n+4,nan,6"));
  CHECK(a.values.shape() == Shape{2, 3});
  CHECK(a.values.at({0, 2}) == -300);
  CHECK(a.values.at({1, 0}) == 4);
  CHECK(std::isnan(a.values.at({1, 1})));
  const auto b = data::load_csv<std::int64_t>(folder.file("b.csv", "width; height\n9007199254740993;2\n"),
                                              {.header = true, .delimiter = ';'});
  CHECK(b.columns == std::vector<std::string>{"width", "height"});
  CHECK(b.values.at({0, 0}) == 9007199254740993);
  CHECK(data::load_csv(folder.file("c.csv", "")).values.shape() == Shape{0, 0});
  CHECK(data::load_csv(folder.file("c.csv", "a,b\n"), {.header = true}).values.shape() == Shape{0, 2});

  const auto why = [&](const std::string& text, data::CsvOptions o = {}) {
    return reason([&] { data::load_csv(folder.file("d.csv", text), o); });
  };
  CHECK_THAT(why("1,2\n3\n"), Contains("line 2 has 1 columns, expected 2") && Contains("d.csv"));
  CHECK_THAT(why("1,2\n3,x\n"), Contains("line 2, column 2: 'x' is no float32"));
  CHECK_THAT(why("1,\n"), Contains("column 2"));
  CHECK_THAT(why("a,b\n1\n", {.header = true}), Contains("expected 2"));
  CHECK_THAT(why("1e999\n"), Contains("1e999"));
  CHECK_THAT(reason([&] { data::load_csv<std::int64_t>(folder.file("e.csv", "1.5")); }), Contains("int64"));
}

TEST_CASE("the digits that come with the examples", "[data][csv]") {
  const auto digits = data::load_csv(data::read_gzip("examples/data/digits/digits.csv.gz")).values;
  REQUIRE(digits.shape() == Shape{1797, 65});
  CHECK(digits.amax().item() == 16);
  CHECK(digits.amin().item() == 0);
  CHECK(digits.select(1, 64).slice(0, 0, 4).contiguous().to_vector() == std::vector<float>{0, 1, 2, 3});
}
