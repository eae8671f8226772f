// The readers of vocabularies: encoder.json and vocab.bpe, vocab.txt, and SentencePiece's pieces as JSON. What is read
// is used, on text that is taken from the file.
#include "shunt/data/bpe.hpp"
#include "shunt/data/unigram.hpp"
#include "shunt/data/wordpiece.hpp"

#include "fuzz.hpp"

namespace {

/// All bytes and some more tokens, in GPT-2's characters.
std::string encoder_json() {
  nlohmann::json tokens;
  std::int32_t next = 0x100, b = 0;
  for (; b < 256; ++b) {
    std::string token;
    shunt::data::detail::append_utf8(token, (b > 32 && b < 127) || (b > 160 && b != 173) ? b : next++);
    tokens[token] = b;
  }
  for (const char* token : {"ab", "abc", "bc", "aa", "aaaa", "<|endoftext|>"}) tokens[token] = b++;
  return tokens.dump();
}

const std::string merges = "#version: 0.2\na b\nb c\nab c\na a\naa aa\n";
const std::string words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n##n\na\n##b\n\xc3\xa9\n\xe4\xb8\xad\n,\n";
const std::string pieces =
    "[[\"<unk>\",0],[\"<s>\",0],[\"\xe2\x96\x81the\",-2.5],[\"\xe2\x96\x81\",-3],[\"a\",-1],[\"ab\",-1.25],["
    "\"\xc3\xa9\",-4]]";

template <class Tokenizer>
void use(const Tokenizer& tokenizer, std::string_view text) {
  auto ids = tokenizer.encode(text);
  if constexpr (requires { ids.ids; })
    tokenizer.decode(ids.ids);
  else
    tokenizer.decode(ids);
}

}  // namespace

static int fuzz_tokenizers(int argc, char** argv) {
  const TempFolder folder;
  const auto good_tokens = folder.file("encoder.json", encoder_json()), good_merges = folder.file("vocab.bpe", merges);
  const auto read = [&](const std::string& path) {
    const auto file = shunt::data::read_file(path);
    const std::string_view text(reinterpret_cast<const char*>(file.data.data()), file.data.size());
    int refused = 0;
    const auto attempt = [&](const auto& load) {
      try {
        use(load(), text);
      } catch (const shunt::IoError&) { ++refused; }
    };
    attempt([&] { return shunt::data::BytePairTokenizer::load(path, good_merges); });
    attempt([&] { return shunt::data::BytePairTokenizer::load(good_tokens, path); });
    attempt([&] { return shunt::data::WordPieceTokenizer::load(path); });
    attempt([&] { return shunt::data::UnigramTokenizer::load(path, {.reserved = 2}); });
    attempt([&] { return shunt::data::UnigramTokenizer::load(path, {.reserved = 2, .tolerant = true}); });
    if (refused == 5) throw shunt::IoError("no reader takes it");
  };
  return fuzz::run(argc, argv, {encoder_json(), merges, words, pieces}, read,
                   {.words = {"\"ab\":", "null", "a b\n", "##", "\n", ",", "[", "\xff", "[\"x\",-1]", "\xcc\x81"}});
}
static const fuzz::Target target_tokenizers("tokenizers", fuzz_tokenizers);
