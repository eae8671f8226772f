#include "shunt/io/text.hpp"

#include "support/catch.hpp"

using namespace shunt::io::detail;

TEST_CASE("text: what is UTF-8 and what is not", "[io]") {
  for (const std::string good : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                                 "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xc3\xa4z"})
    CHECK(is_utf8(good));
  CHECK(is_utf8(std::string("a\0b", 3)));
  // Alone, cut short, longer than needed, a surrogate, beyond the last, continued by something else.
  for (const std::string bad : {"\x80", "\xbf", "\xff", "\xfe", "\xc2", "\xe0\xa0", "\xf0\x90\x80", "\xc0\x80",
                                "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
                                "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc2\x41", "\xe0\xa0z", "\xc3\xa4\xc3"})
    CHECK_FALSE(is_utf8(bad));
}

TEST_CASE("text: names that stay in their folder", "[io]") {
  for (const std::string good : {"a", "model-00001-of-00002.safetensors", "...", "..a", "\xc3\xa4"})
    CHECK(is_plain_name(good));
  for (const std::string bad : {"", ".", "..", "/", "a/b", "../a", "/a", "a/", "a\\b"}) CHECK_FALSE(is_plain_name(bad));
  CHECK_FALSE(is_plain_name(std::string_view("a\0", 2)));
  CHECK(beside("x/y/index.json", "a") == "x/y/a");
  CHECK(beside("/index.json", "a") == "/a");
  CHECK(beside("index.json", "a") == "a");
}
