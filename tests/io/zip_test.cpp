#include "shunt/io/zip.hpp"

#include "shunt/io/zip_writer.hpp"
#include "support/damage.hpp"
#include "support/reason.hpp"
#include "support/zip_file.hpp"

using namespace shunt;
using io::detail::ZipFile;

namespace {

std::string content(const ZipFile& zip, const std::string& name) {
  const auto* entry = zip.find(name);
  return entry == nullptr ? "none" : std::string(zip.read(*entry).text());
}
/// Reads all of an archive; the reason why it cannot be read.
std::string zip_reason(const TempFolder& folder, const std::string& bytes) {
  return reason([&] {
    const ZipFile zip(folder.file("x.zip", bytes), {});
    for (const auto& e : zip.entries()) zip.read(e);
  });
}
std::string repeated(const std::string& text, int n) {
  std::string s;
  for (; n > 0; --n) s += text;
  return s;
}

}  // namespace

TEST_CASE("zip: entries stored and deflated are read, mapped or not", "[io][zip]") {
  const TempFolder folder;
  const std::string text = repeated("so much text ", 20);
  const auto path = folder.file("x.zip", zip_of({{"a", "stored"},
                                                 {"folder/", ""},
                                                 {"folder/b", text, true},
                                                 {"none", ""},
                                                 {"nothing", "", true},
                                                 {"n\xc3\xa4me", std::string(100'000, 'x'), true}},
                                                "a comment"));
  for (const bool map : {true, false}) {
    const ZipFile zip(path, {.map = map});
    CHECK(zip.entries().size() == 5);
    CHECK(content(zip, "a") == "stored");
    CHECK(content(zip, "folder/b") == text);
    CHECK(content(zip, "none").empty());
    CHECK(content(zip, "nothing").empty());
    CHECK(content(zip, "n\xc3\xa4me") == std::string(100'000, 'x'));
    CHECK(zip.find("b") == nullptr);
    CHECK(zip.find("folder/") == nullptr);
  }
  CHECK(ZipFile(folder.file("e.zip", zip_of({})), {}).entries().empty());
}

TEST_CASE("zip: what the writer writes is read, stored content at multiples of 64", "[io][zip]") {
  const TempFolder folder;
  const auto path = folder.path("x.zip");
  std::vector<std::pair<std::string, std::string>> all;
  for (int i = 0; i < 70; ++i) all.emplace_back("name" + repeated("-", i), repeated(std::to_string(i), 3 * i));
  for (const bool deflate : {false, true}) {
    io::detail::ZipWriter writer(path);
    for (const auto& [name, text] : all)
      writer.add(name, text.size(), deflate, [&, &t = text](const auto& take) {
        take(t.data(), t.size() / 2);
        take(t.data() + t.size() / 2, t.size() - t.size() / 2);
      });
    writer.commit();
    const ZipFile zip(path, {});
    REQUIRE(zip.entries().size() == all.size());
    for (const auto& [name, text] : all) CHECK(content(zip, name) == text);
    for (const auto& e : zip.entries()) {
      CHECK(e.deflated == deflate);
      if (!deflate) CHECK(e.begin % 64 == 0);
    }
  }
  io::detail::ZipWriter writer(path);
  CHECK_THROWS_AS(writer.add("\xff", 0, false, [](const auto&) {}), IoError);
  CHECK_THROWS_AS(writer.add(std::string("a\0b", 3), 0, false, [](const auto&) {}), IoError);
}

TEST_CASE("zip: the larger fields of zip64 are read", "[io][zip]") {
  const TempFolder folder;
  // One entry with all three numbers in its extra field, and a directory whose numbers stand in the zip64 record.
  auto bytes = zip_of({{.name = "a",
                        .content = "text",
                        .size = 0xffffffff,
                        .packed = 0xffffffff,
                        .header = 0xffffffff,
                        .extra = little(7, 2) + little(1, 2) + "x" + little(1, 2) + little(24, 2) + little(4, 8) +
                                 little(4, 8) + little(0, 8)}});
  CHECK(content(ZipFile(folder.file("x.zip", bytes), {}), "a") == "text");
  const auto directory = bytes.find("PK\1\2"), end = bytes.size() - 22;
  const auto record = "PK\6\6" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) + little(1, 8) +
                      little(1, 8) + little(end - directory, 8) + little(directory, 8);
  const auto locator = "PK\6\7" + little(0, 4) + little(end, 8) + little(1, 4);
  const auto last = "PK\5\6" + little(0, 4) + repeated("\xff", 12) + little(0, 2);
  const auto wide = bytes.substr(0, end) + record + locator + last;
  CHECK(content(ZipFile(folder.file("x.zip", wide), {}), "a") == "text");
  using Catch::Contains;
  CHECK_THAT(zip_reason(folder, bytes.substr(0, end) + record + last), Contains("zip64 record is missing"));
  CHECK_THAT(zip_reason(folder, bytes.substr(0, end) + record + "PK\6\7" + little(0, 4) + little(~0ull, 8) +
                                    little(1, 4) + last),
             Contains("zip64 record does not lie"));
  CHECK_THAT(zip_reason(folder, bytes.substr(0, end) + record + "PK\6\7" + little(0, 4) + little(end - 1, 8) +
                                    little(1, 4) + last),
             Contains("zip64 record is damaged"));
  CHECK_THAT(zip_reason(folder, zip_of({{.name = "a", .content = "text", .size = 0xffffffff, .extra = little(1, 8)}})),
             Contains("zip64 sizes of 'a'"));
}

TEST_CASE("zip: archives that are not what they claim to be are errors that say why", "[io][zip]") {
  const TempFolder folder;
  using Catch::Contains;
  CHECK(zip_reason(folder, zip_of({{"a", "b"}})).empty());
  CHECK_THAT(zip_reason(folder, ""), Contains("x.zip") && Contains("no zip archive"));
  CHECK_THAT(zip_reason(folder, "a text that is longer than the record"), Contains("no zip archive"));
  CHECK_THAT(zip_reason(folder, zip_of({{"a", "b"}}) + "x"), Contains("no zip archive"));
  CHECK_THAT(zip_reason(folder, zip_of({{"a", "b"}, {"a", "c"}})), Contains("'a' stands twice"));
  CHECK_THAT(zip_reason(folder, zip_of({{.name = "a", .content = "b", .flags = 1}})), Contains("encrypted"));
  CHECK_THAT(zip_reason(folder, zip_of({{.name = "a", .content = "b", .flags = 0x40}})), Contains("encrypted"));
  CHECK_THAT(zip_reason(folder, zip_of({{.name = "a", .content = "b", .method = 12}})), Contains("method 12"));
  CHECK_THAT(zip_reason(folder, zip_of({{.name = "a", .content = "b", .crc = 5}})), Contains("checksum of 'a'"));
  CHECK_THAT(zip_reason(folder, zip_of({{.name = "a", .content = "bcd", .deflate = true, .crc = 5}})),
             Contains("checksum of 'a'"));
  CHECK_THAT(zip_reason(folder, zip_of({{"\xff", "b"}})), Contains("UTF-8"));
  CHECK_THAT(zip_reason(folder, zip_of({{std::string("a\0b", 3), "b"}})), Contains("UTF-8"));
  CHECK_THAT(zip_reason(folder, zip_of({{.name = "a", .content = "b", .local_name = "c"}})), Contains("header of 'a'"));
  CHECK_THAT(zip_reason(folder, zip_of({{"a", "b"}}, "", 2)), Contains("claims 2 entries"));
  CHECK_THAT(zip_reason(folder, zip_of({{"a", "b"}, {"c", "d"}}, "", 1)), Contains("behind its zip directory"));
  CHECK_THAT(zip_reason(folder, zip_of({{"a", "b"}}, "", 0)), Contains("behind its zip directory"));
  CHECK_THAT(zip_reason(folder, zip_of({{.name = "a", .content = "b", .size = 2}})), Contains("1 bytes of 2"));
  CHECK_THAT(zip_reason(folder, zip_of({{.name = "a", .content = "b", .size = 500, .packed = 500}})),
             Contains("behind the end"));
  CHECK_THAT(zip_reason(folder, zip_of({{"a", "b"}, {.name = "c", .content = "d", .header = 0x7fffffff}})),
             Contains("begins behind the end"));
  CHECK_THAT(zip_reason(folder, zip_of({{"a", "b"}, {.name = "a2", .content = "d", .header = 0}})),
             Contains("within another") || Contains("does not fit"));
  CHECK_THAT(zip_reason(folder, zip_of({{.name = "a", .content = "b", .size = 0xfffffff0, .packed = 0xfffffff0}})),
             Contains("behind the end"));
}

TEST_CASE("zip: entries that share their bytes are refused", "[io][zip]") {
  const TempFolder folder;
  // The content of the first is a whole entry of its own, which the directory lists as the second.
  const auto inner = zip_of({{"b", "text"}});
  const auto local = inner.substr(0, inner.find("PK\1\2"));
  const auto bytes = zip_of({{"a", local}});
  const auto directory = bytes.find("PK\1\2"), end = bytes.size() - 22;
  auto second = inner.substr(local.size(), inner.size() - 22 - local.size());
  second.replace(42, 4, little(31, 4));
  const auto both = bytes.substr(0, end) + second + "PK\5\6" + little(0, 4) + little(2, 2) + little(2, 2) +
                    little(end - directory + second.size(), 4) + little(directory, 4) + little(0, 2);
  CHECK_THAT(zip_reason(folder, both), Catch::Contains("'b' begins within another entry"));
}

TEST_CASE("zip: deflated content that is not what was claimed", "[io][zip]") {
  const TempFolder folder;
  using Catch::Contains;
  const std::string text = repeated("some text, ", 100);
  const auto packed = static_cast<std::int64_t>(deflated(text).size());
  const auto one = [&](ZipPart p) {
    p.name = "a", p.content = text, p.deflate = true;
    return zip_reason(folder, zip_of({p}));
  };
  CHECK(one({}).empty());
  CHECK_THAT(one({.size = 1099}), Contains("longer than the 1099 bytes"));
  CHECK_THAT(one({.size = 0}), Contains("longer than the 0 bytes"));
  CHECK_THAT(one({.size = 1101}), Contains("1100 bytes, 1101 were claimed"));
  CHECK_THAT(one({.packed = packed - 1}), Contains("ends early"));
  CHECK_THAT(one({.packed = 0}), Contains("more than 0 can hold"));
  CHECK_THAT(one({.size = 2'000'000'000}), Contains("can hold"));
  auto damaged = zip_of({{"a", text, true}});
  damaged[31] = '\x07';  // a kind of block that deflate does not have
  CHECK_THAT(zip_reason(folder, damaged), Contains("damaged compressed data"));
}

TEST_CASE("zip: a bomb takes no more than it is granted", "[io][zip]") {
  const TempFolder folder;
  const auto before = memory_stats().live;
  // All zeros: 1030 times as long as in the file, which is granted while it is less than the limit.
  const auto path = folder.file("x", zip_of({{"a", std::string(1'000'000, '\0'), true}}));
  CHECK(content(ZipFile(path, {}), "a").size() == 1'000'000);
  CHECK(content(ZipFile(path, {.max_unpacked = 1'000'000}), "a").size() == 1'000'000);
  CHECK_THROWS_WITH(ZipFile(path, {.max_unpacked = 999'999}), Catch::Contains("max_unpacked allows it"));
  // More is refused by what is claimed, before anything is decompressed.
  std::mt19937 random(1);
  std::string noise(300'000, '\0');
  for (auto& c : noise) c = static_cast<char>(random());
  reset_peak_memory();
  CHECK_THAT(zip_reason(folder, zip_of({{.name = "a", .content = noise, .deflate = true, .size = 290'000'000}})),
             Catch::Contains("would take 290000000 bytes"));
  // What the content does not fill is not taken.
  noise.resize(10'000);
  CHECK_THAT(zip_reason(folder, zip_of({{.name = "a", .content = noise, .deflate = true, .size = 9'000'000}})),
             Catch::Contains("holds 10000 bytes, 9000000 were claimed"));
  CHECK(memory_stats().peak - before < 200'000);
}

TEST_CASE("zip: damaged archives are errors or read as they are", "[io][zip]") {
  const TempFolder folder;
  const auto good = zip_of({{"a", "stored"}, {"b", repeated("deflated ", 30), true}});
  const auto read = [](const std::string& path) {
    const ZipFile zip(path, {});
    for (const auto& e : zip.entries()) zip.read(e);
  };
  check_damage(good, read);
  // Every single bit: nothing else than an IoError may come out, and a change of the content is never missed.
  for (std::size_t i = 0; i < 8 * good.size(); ++i) {
    auto bad = good;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ 1 << i % 8);
    try {
      const ZipFile zip(folder.file("bad.zip", bad), {});
      for (const auto& e : zip.entries()) {
        const auto text = zip.read(e);
        if (text.text() != "stored" && text.text() != repeated("deflated ", 30)) FAIL("bit " << i << " went unseen");
      }
    } catch (const IoError& e) { CHECK_THAT(e.what(), Catch::Contains("bad.zip")); }
  }
}
