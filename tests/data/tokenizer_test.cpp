// Tokenizers: BPE, WordPiece and unigram on small vocabularies, and the published ones where they are.
#include <fstream>
#include <random>

#include "shunt/data/bpe.hpp"
#include "shunt/data/unigram.hpp"
#include "shunt/data/wordpiece.hpp"
#include "support/nets.hpp"
#include "support/reason.hpp"
#include "support/temp_folder.hpp"

using namespace shunt;
using Catch::Contains;
using Ids = std::vector<std::int64_t>;
using Words = std::vector<std::string>;

namespace {

nlohmann::json cases(const std::string& file) {
  return nlohmann::json::parse(std::ifstream(SHUNT_SOURCE_DIR "/tests/reference/nets/" + file));
}
std::string utf8(std::initializer_list<std::int32_t> codes) {
  std::string out;
  for (const auto c : codes) data::detail::append_utf8(out, c);
  return out;
}
Words gpt2_words(std::string_view text) {
  Words out;
  for (; !text.empty(); text.remove_prefix(out.back().size())) out.emplace_back(text, 0, data::detail::gpt2_word(text));
  return out;
}

/// encoder.json with the 256 bytes, ids 0 to 255, and `more` behind them; vocab.bpe with these lines.
struct SmallBpe {
  TempFolder folder;
  nlohmann::json tokens;

  explicit SmallBpe(const Words& more) {
    std::int32_t next = 0x100;
    for (std::int32_t b = 0; b < 256; ++b)
      tokens[utf8({(b > 32 && b < 127) || (b > 160 && b != 173) ? b : next++})] = b;
    for (const auto& token : more) tokens[token] = tokens.size();
  }
  data::BytePairTokenizer load(const std::string& merges) { return load(tokens.dump(), merges); }
  data::BytePairTokenizer load(const std::string& encoder, const std::string& merges) {
    return data::BytePairTokenizer::load(folder.file("encoder.json", encoder), folder.file("vocab.bpe", merges));
  }
};

}  // namespace

TEST_CASE("UTF-8: what is not is replaced as the Unicode Standard recommends", "[data][tokenizer]") {
  const auto codes = [](const std::string& text) { return data::detail::code_points(text); };
  const std::int32_t bad = 0xfffd;
  // The Unicode Standard, table 3-8.
  CHECK(codes("\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64") ==
        data::detail::CodePoints{0x61, bad, bad, bad, 0x62, bad, 0x63, bad, bad, 0x64});
  CHECK(codes("\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82") == data::detail::CodePoints{0xe9, 0x20ac, 0x1f642});
  CHECK(codes("\xc0\xaf") == data::detail::CodePoints{bad, bad});                    // longer than needed
  CHECK(codes("\xed\xa0\x80") == data::detail::CodePoints{bad, bad, bad});           // a surrogate
  CHECK(codes("\xf4\x90\x80\x80") == data::detail::CodePoints{bad, bad, bad, bad});  // above U+10FFFF
  CHECK(codes("\xe2\x82") == data::detail::CodePoints{bad});                         // ends early
  for (const std::int32_t c : {0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff})
    CHECK(codes(utf8({c})) == data::detail::CodePoints{c});
}

TEST_CASE("GPT-2's pattern: where words begin and end", "[data][tokenizer]") {
  const auto [text, words] = GENERATE(table<std::string, Words>({
      {"Hello world", {"Hello", " world"}},
      {"we'll isn't I'd", {"we", "'ll", " isn", "'t", " I", "'d"}},
      {"'S 'st '", {"'", "S", " '", "st", " '"}},
      {"'re've'm's", {"'re", "'ve", "'m", "'s"}},
      {"it's!'s", {"it", "'s", "!'", "s"}},
      {"a  b", {"a", " ", " b"}},
      {"a   b", {"a", "  ", " b"}},
      {"a \n\tb", {"a", " \n", "\t", "b"}},
      {"a\nb", {"a", "\n", "b"}},
      {"end  \n", {"end", "  \n"}},
      {" ", {" "}},
      {"abc123 4,5", {"abc", "123", " 4", ",", "5"}},
      {"x+=F(x);", {"x", "+=", "F", "(", "x", ");"}},
      {"na\u00efve \u0416\u0437 \u4e2d\u6587", {"na\u00efve", " \u0416\u0437", " \u4e2d\u6587"}},
      {"\u0663\u00bd\u2167z", {"\u0663\u00bd\u2167", "z"}},            // Nd, No, Nl
      {"e\u0301e", {"e", "\u0301", "e"}},                              // a mark is no letter
      {"a\u00a0b \u3000c", {"a", "\u00a0", "b", " ", "\u3000", "c"}},  // spaces, but not the one that words begin with
      {"a\u200bb", {"a", "\u200b", "b"}},                              // no space in spite of its name
      {"\xff\xfe!a\xc3", {"\xff\xfe!", "a", "\xc3"}},
      {"a\x1c\x62", {"a", "\x1c", "b"}},
  }));
  CAPTURE(text);
  CHECK(gpt2_words(text) == words);
}

TEST_CASE("BPE: the first merge goes first, everywhere from left to right", "[data][tokenizer]") {
  SmallBpe small({"ab", "bc", "abc", "aba", "aa", "<|endoftext|>"});
  const std::int64_t ab = 256, bc = 257, abc = 258, aba = 259, aa = 260;
  CHECK(small.load("#version: 0.2\na b\nb c\n").encode("abc") == Ids{ab, 'c'});
  CHECK(small.load("b c\na b").encode("abc") == Ids{'a', bc});
  CHECK(small.load("b c\r\na b\r\na bc\r\n").encode("abc") == Ids{abc});
  CHECK(small.load("a a").encode("aaaaa") == Ids{aa, aa, 'a'});
  // ab a comes first in the file, but there is none before a b is done, and that is then done to the end.
  CHECK(small.load("ab a\na b").encode("abab") == Ids{ab, ab});
  CHECK(small.load("ab a\na b").encode("aba") == Ids{aba});
  CHECK(small.load("a b").encode("a bab") == Ids{'a', ' ', 'b', ab});  // never over the edge of a word
  CHECK(small.load("").encode("ab\xff") == Ids{'a', 'b', 255});
  CHECK(small.load("").encode("").empty());
}

TEST_CASE("BPE: <|endoftext|> is a token, or text where it is said to be", "[data][tokenizer]") {
  SmallBpe small({"ab", "<|endoftext|>"});
  const auto t = small.load("a b");
  CHECK(t.size() == 258);
  CHECK(t.end_of_text() == 257);
  CHECK(t.encode("ab<|endoftext|>ab<|endoftext|>") == Ids{256, 257, 256, 257});
  CHECK(t.encode("<|endoftext|>", {.special = false}).size() == 13);
  CHECK(t.decode({256, 257}) == "ab<|endoftext|>");
  CHECK(t.decode(t.encode("<|endoftext|>", {.special = false})) == "<|endoftext|>");
  SmallBpe without({});
  CHECK(without.load("").encode("<|endoftext|>").size() == 13);
  CHECK_THROWS_AS(without.load("").end_of_text(), ValueError);
  CHECK_THROWS_WITH(t.decode({0, 258}), "tokenizer: no token 258 of 258");
  CHECK_THROWS_AS(t.decode({-1}), IndexError);
}

TEST_CASE("BPE: any bytes come back", "[data][tokenizer]") {
  SmallBpe small({"th", "the", "\u0120the", "\u00c3\u00a9", "<|endoftext|>"});
  const auto t = small.load("t h\nth e\n\u0120 the\n\u00c3 \u00a9");
  CHECK(t.encode(" the\u00e9") == Ids{258, 259});
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    std::string text(random() % 200, '\0');
    for (auto& c : text) c = random() % 3 == 0 ? "the '\n"[random() % 6] : static_cast<char>(random());
    REQUIRE(t.decode(t.encode(text)) == text);
  }
}

TEST_CASE("BPE: a long word takes no square of the time", "[data][tokenizer]") {
  Words runs;
  std::string merges;
  for (std::size_t n = 1; n < 1024; n *= 2) {
    runs.push_back(std::string(2 * n, 'a'));
    merges += std::string(n, 'a') + ' ' + std::string(n, 'a') + '\n';
  }
  SmallBpe small(runs);
  const auto ids = small.load(merges).encode(std::string(1 << 18, 'a') + "aaa");
  CHECK(ids.size() == 256 + 2);  // 1024 letters each, then aa and a
  CHECK(ids.front() == small.tokens[runs.back()]);
}

TEST_CASE("BPE: vocabularies that are none", "[data][tokenizer]") {
  SmallBpe small({"ab"});
  const auto why = [&](const auto& encoder, const std::string& merges = "a b") {
    return reason([&] { small.load(nlohmann::json(encoder).dump(), merges); });
  };
  const auto good = small.tokens;
  REQUIRE(why(good) == "");
  auto bad = good;
  bad["ab"] = 257;
  CHECK_THAT(why(bad), Contains("encoder.json: token 'ab' has the id 257, but 257 tokens"));
  bad["ab"] = 97;
  CHECK_THAT(why(bad), Contains("'a' and 'ab' have the id 97"));
  for (const auto& id : {nlohmann::json(-1), nlohmann::json(1.5), nlohmann::json("1"), nlohmann::json(nullptr),
                         nlohmann::json(true), nlohmann::json::array({1}), nlohmann::json::object()}) {
    bad["ab"] = id;
    CAPTURE(id);
    CHECK_THAT(why(bad), Contains("encoder.json: token 'ab' has no whole number"));
  }
  bad = good;
  bad.erase("ab");
  CHECK_THAT(why(bad), Contains("vocab.bpe: line 1: 'a b' has a token that is not in") && Contains("encoder.json"));
  bad = good;
  bad.erase("!");
  bad["ab"] = 33;
  CHECK_THAT(why(bad), Contains("has no token for the byte 33"));
  bad = good;
  bad.erase("ab");
  bad["a b"] = 256;
  CHECK_THAT(why(bad), Contains("token 'a b' has a character that stands for no byte"));
  CHECK_THAT(why(nlohmann::json::array()), Contains("is no object of tokens"));
  CHECK_THAT(why(nlohmann::json::object(), ""), Contains("has no token for the byte 0"));

  const auto text = [&](const std::string& encoder) { return reason([&] { small.load(encoder, ""); }); };
  CHECK_THAT(text(""), Contains("encoder.json: not JSON at byte"));
  CHECK_THAT(text(good.dump() + "x"), Contains("not JSON at byte"));
  CHECK_THAT(text("{\"a\":0,\"a\":1}"), Contains("tokens 0 and 1 are both 'a'"));
  CHECK_THAT(text("{\"\":0}"), Contains("is empty"));
  CHECK_THAT(text("{\"\xff\":0}"), Contains("not JSON"));
  CHECK_THAT(text("{\"a\":99999999999999999999}"), Contains("token 'a' has no whole number"));

  for (const std::string line : {"ab", "a b a", " a", "a ", " ", "a\tb", "\xff a"}) {
    CAPTURE(line);
    CHECK_THAT(why(good, "#version: 0.2\n\n" + line), Contains("vocab.bpe: line 3 is not two tokens"));
  }
  CHECK_THAT(why(good, "a b\na b\n"), Contains("vocab.bpe: line 2: 'a b' stands twice"));
  CHECK_THAT(reason([&] { data::BytePairTokenizer::load(small.folder.path("none"), ""); }), Contains("none"));
}

TEST_CASE("GPT-2's own vocabulary", "[data][tokenizer][nets]") {
  if (!has_net("gpt2/encoder.json")) return;
  const auto folder = nets_folder() + "/gpt2/";
  const auto t = data::BytePairTokenizer::load(folder + "encoder.json", folder + "vocab.bpe");
  CHECK(t.size() == 50257);
  CHECK(t.end_of_text() == 50256);
  for (const auto& c : cases("gpt2/cases.json")) {
    const std::string text = c["text"];
    CAPTURE(text);
    CHECK(t.encode(text) == c["ids"].get<Ids>());
    CHECK(t.decode(t.encode(text)) == text);
  }
}

namespace {

/// vocab.txt with these tokens behind [PAD] [UNK] [CLS] [SEP] [MASK], 0 to 4.
struct SmallWordPiece {
  TempFolder folder;
  std::string text = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";

  explicit SmallWordPiece(const Words& tokens = {}) {
    for (const auto& token : tokens) text += token + '\n';
  }
  data::WordPieceTokenizer load(data::WordPieceOptions options = {}) { return load(text, options); }
  data::WordPieceTokenizer load(const std::string& file, data::WordPieceOptions options = {}) {
    return data::WordPieceTokenizer::load(folder.file("vocab.txt", file), options);
  }
};
const std::int64_t padding = 0, unk = 1, cls = 2, sep = 3, masked = 4;

}  // namespace

TEST_CASE("WordPiece: the longest piece first", "[data][tokenizer]") {
  SmallWordPiece small({"want", "##want", "##ed", "wa", "un", "runn", "##ing", ",", "##a"});
  const auto t = small.load();
  CHECK(t.pieces("UNwant\u00e9d,running") == Ids{9, 6, 7, 12, 10, 11});
  CHECK(t.pieces("want wa wanting") == Ids{5, 8, 5, 11});
  CHECK(t.pieces("wantx running") == Ids{unk, 10, 11});  // the whole word is unknown, not its end
  CHECK(t.pieces(" \n\t ").empty());
  CHECK(t.pieces("ing").size() == 1);  // ##ing begins no word
  CHECK(t.pieces("un" + std::string(98, 'a')).size() == 99);
  CHECK(t.pieces("un" + std::string(99, 'a')) == Ids{unk});
  CHECK(small.load({.longest_word = 3}).pieces("want un") == Ids{unk, 9});
  CHECK(t.decode(t.pieces("running, want")) == "running , want");
}

TEST_CASE("WordPiece: one sentence and two", "[data][tokenizer]") {
  SmallWordPiece small({"a", "b", "##b"});
  const auto t = small.load();
  const auto one = t.encode("a b");
  CHECK(one.ids == Ids{cls, 5, 6, sep});
  CHECK(one.types == Ids{0, 0, 0, 0});
  const auto two = t.encode("a", "ab b");
  CHECK(two.ids == Ids{cls, 5, sep, 5, 7, 6, sep});
  CHECK(two.types == Ids{0, 0, 0, 1, 1, 1, 1});
  CHECK(t.encode("").ids == Ids{cls, sep});
  CHECK(t.pieces("a[MASK]b [PAD] [mask]") == Ids{5, masked, 6, padding, unk, unk, unk});
  CHECK(t.id("[MASK]") == masked);
  CHECK_THROWS_AS(t.id("c"), ValueError);
  CHECK(t.decode({cls, 5, 7, masked, unk, sep, padding}) == "ab [MASK] [UNK]");
  CHECK_THROWS_AS(t.decode({8}), IndexError);
  CHECK_THROWS_AS(t.decode({-1}), IndexError);
}

TEST_CASE("WordPiece: what counts as a word", "[data][tokenizer]") {
  SmallWordPiece small(
      {"a", "b", "ab", "!", "-", "$", "\u535a", "\u63a8", "e", "\u00e9", "A", "i", "\u3002", "\u0436"});
  const auto t = small.load();
  const std::int64_t a = 5, b = 6, ab = 7, exclamation = 8, dash = 9, dollar = 10, bo = 11, tui = 12, e = 13,
                     acute = 14, A = 15, i = 16, stop = 17, zhe = 18;
  CHECK(t.pieces("a!-b") == Ids{a, exclamation, dash, b});
  CHECK(t.pieces("a$b") == Ids{a, dollar, b});              // no punctuation in Unicode, but in ASCII
  CHECK(t.pieces("a\u535a\u63a8b") == Ids{a, bo, tui, b});  // ideographs stand alone
  CHECK(t.pieces("a\u3002") == Ids{a, stop});
  CHECK(t.pieces("\u00c9 e\u0301 \u0130 A \u0416") == Ids{e, e, i, a, zhe});
  CHECK(small.load({.lower_case = false}).pieces("\u00e9 A e\u0301") == Ids{acute, A, unk});
  CHECK(t.pieces("a\u00a0b\u3000a\u2028b") == Ids{a, b, a, b});  // spaces of all kinds
  CHECK(t.pieces(std::string("a\0b", 3)) == Ids{ab});            // control and format characters go
  CHECK(t.pieces("a\u200d\x7f\u00ad\ufeff\u0008b") == Ids{ab});
  CHECK(t.pieces("a\xff\xc3\ufffd"
                 "b") == Ids{ab});  // and so do bytes that are not UTF-8
}

TEST_CASE("WordPiece: vocabularies that are none", "[data][tokenizer]") {
  SmallWordPiece small;
  const auto why = [&](const std::string& text) { return reason([&] { small.load(text); }); };
  CHECK(why(small.text + "a") == "");
  CHECK(why("[UNK]\r\n[CLS]\r\n[SEP]\r\n") == "");
  CHECK_THAT(why(small.text + "a\n\nb\n"), Contains("vocab.txt: line 7 is empty"));
  CHECK_THAT(why(small.text + "a\nb\na\n"), Contains("vocab.txt: tokens 5 and 7 are both 'a'"));
  CHECK_THAT(why(small.text + "\xff\n"), Contains("vocab.txt: line 6 is not UTF-8"));
  CHECK_THAT(why("[UNK]\n[CLS]\n"), Contains("vocab.txt: has no [SEP]"));
  CHECK_THAT(why("[UNK]\n[SEP]\n"), Contains("vocab.txt: has no [CLS]"));
  CHECK_THAT(why(""), Contains("vocab.txt: has no [UNK]"));
}

namespace {

/// Pieces with scores behind three reserved ones.
struct SmallUnigram {
  TempFolder folder;
  std::string text = R"([["<unk>",0],["<s>",0],["</s>",0])";

  explicit SmallUnigram(std::initializer_list<std::pair<const char*, double>> pieces) {
    for (const auto& [piece, score] : pieces) text += "," + nlohmann::json({piece, score}).dump();
    text += "]";
  }
  data::UnigramTokenizer load() { return load(text); }
  data::UnigramTokenizer load(const std::string& file, data::UnigramOptions options = {.reserved = 3}) {
    return data::UnigramTokenizer::load(folder.file("vocab.json", file), options);
  }
};

}  // namespace

TEST_CASE("unigram: the most likely pieces", "[data][tokenizer]") {
  SmallUnigram small({{"\u2581", -2},
                      {"\u2581a", -2},
                      {"b", -3},
                      {"\u2581ab", -4.5},
                      {"abc", -3},
                      {"c", -1.5},
                      {"\u2581f", -2},
                      {"i", -2.5}});
  const auto t = small.load();
  const std::int64_t space = 3, _a = 4, b = 5, _ab = 6, abc = 7, c = 8, _f = 9, i = 10;
  CHECK(t.size() == 11);
  CHECK(t.encode("ab") == Ids{_ab});          // -4.5, not -2 - 3
  CHECK(t.encode("abc") == Ids{space, abc});  // -2 - 3, not -4.5 - 1.5
  CHECK(t.encode("abb") == Ids{_ab, b});
  CHECK(t.encode("a  a\n\ta ") == Ids{_a, _a, _a});
  CHECK(t.encode("").empty());
  CHECK(t.encode(" \n").empty());
  CHECK(t.encode("\ufb01") == Ids{_f, i});  // the ligature fi
  CHECK(t.encode("axyz") == Ids{_a, 0});    // unknown characters in a row are one
  CHECK(t.encode("axcx") == Ids{_a, 0, c, 0});
  CHECK(t.encode("a\xff\u4e2d"
                 "c") == Ids{_a, 0, c});
  CHECK(t.encode("<s>") == Ids{space, 0});  // reserved pieces are not text
  CHECK(t.decode({_ab, b, _a, space, abc}) == "abb a abc");
  CHECK(t.decode({1, _a, 0, 2}) == "a\ufffd");
  CHECK(t.decode({}) == "");
  CHECK_THROWS_AS(t.decode({11}), IndexError);
  CHECK_THROWS_AS(t.decode({-1}), IndexError);
}

TEST_CASE("unigram: vocabularies that are none", "[data][tokenizer]") {
  SmallUnigram small({{"a", -1}});
  const auto why = [&](const std::string& text) { return reason([&] { small.load(text); }); };
  const std::string start = R"([["<unk>",0],["<s>",0],["</s>",0],)";
  CHECK(why(start + R"(["a",-1],["b",-2]])") == "");
  for (const std::string bad :
       {R"(["b"])", "[]", R"(["b",-1,-1])", R"([-1,"b"])", R"("b")", "1", "null", R"({"b":-1})", R"(["b","c"])",
        R"(["b",null])", R"(["b",true])", R"(["b",[-1]])", R"([["b",-1]])", R"(["b",0.5])"}) {
    CAPTURE(bad);
    CHECK_THAT(why(start + R"(["a",-1],)" + bad + "]"), Contains("vocab.json: entry 4 is not [\"piece\", score]"));
  }
  CHECK_THAT(why(start + R"(["a",-1],["a",-2]])"), Contains("vocab.json: tokens 3 and 4 are both 'a'"));
  CHECK_THAT(why(start + R"(["",-1]])"), Contains("token 3 is empty"));
  CHECK_THAT(why(start + R"(["b",1e999]])"), Contains("not JSON"));
  CHECK_THAT(why(start + R"(["b",-1])"), Contains("not JSON at byte"));
  CHECK_THAT(why("{}"), Contains("entry 0 is not"));
  CHECK_THAT(why("1"), Contains("entry 0 is not"));
  CHECK_THAT(why("[]"), Contains("has 0 pieces, of which 3 are reserved"));
  CHECK_THAT(why(start.substr(0, start.size() - 1) + "]"), Contains("has 3 pieces, of which 3 are reserved"));
  CHECK_THROWS_AS(small.load(small.text, {.reserved = 0}), ValueError);

  const auto t =
      small.load(start + R"(["a",null],["b",-2],["a",-1],["\u2581",-1]])", {.reserved = 3, .tolerant = true});
  CHECK(t.encode("aba") == Ids{6, 5, 4, 5});
  CHECK(t.decode({3, 5}) == "aa");
}

TEST_CASE("the sentence encoder's own vocabulary", "[data][tokenizer][nets]") {
  if (!has_net("sentence/vocab.json")) return;
  const auto t = data::UnigramTokenizer::load(nets_folder() + "/sentence/vocab.json", {.tolerant = true});
  CHECK(t.size() == 8000);
  for (const auto& c : cases("sentence/sentences.json")) {
    const std::string text = c["text"];
    CAPTURE(text);
    CHECK(t.encode(text) == c["ids"].get<Ids>());
    CHECK(t.decode(t.encode(text)) == text);
  }
}
