// BERT's tokenizer (Devlin et al. 2018): words, cut into the longest pieces that the vocabulary has (WordPiece).
#pragma once

#if !__has_include(<utf8proc.h>)
#error "shunt/data/wordpiece.hpp needs utf8proc.h: install the Debian package libutf8proc-dev"
#endif
#include <utf8proc.h>

#include "shunt/data/bytes.hpp"
#include "shunt/data/unicode.hpp"
#include "shunt/data/vocabulary.hpp"

namespace shunt::data {

struct WordPieceOptions {
  bool lower_case = true;           ///< Small letters without accents, as the `uncased` models want them.
  std::int64_t longest_word = 100;  ///< A word of more characters is [UNK].
};
/// What BERT reads: ids, and for each the sentence that it belongs to, 0 or 1.
struct EncodedText {
  std::vector<std::int64_t> ids, types;
};

namespace detail {

/// A character of its own, without spaces around it, in Chinese, Japanese and old Korean text.
inline bool is_ideograph(std::int32_t c) {
  return (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x4e00 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) ||
         (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2ceaf) || (c >= 0x2f800 && c <= 0x2fa1f);
}
/// Punctuation, and all of ASCII that is neither letter, digit, space nor control.
inline bool splits_words(std::int32_t c) {
  return is_punctuation(c) || (c > 32 && c < 127 && !is_letter(c) && !is_number(c));
}

}  // namespace detail

/// Text, or two, as tokens between [CLS] and [SEP]. Bytes that are not UTF-8 are left out, as control characters are.
class WordPieceTokenizer {
 public:
  /// vocab.txt: a token a line, the first with the id 0; `##` begins those that go on with a word. IoError for a file
  /// without [UNK], [CLS] and [SEP], with an empty line or with a token that stands twice.
  static WordPieceTokenizer load(const std::string& vocab_txt, WordPieceOptions options = {}) {
    const auto file = read_file(vocab_txt);
    std::string_view rest(reinterpret_cast<const char*>(file.data.data()), file.data.size());
    std::vector<std::string> tokens;
    while (!rest.empty()) {
      auto line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      if (line.ends_with('\r')) line.remove_suffix(1);
      const auto number = tokens.size() + 1;
      if (line.empty()) shunt::detail::raise_io(vocab_txt, "line ", number, " is empty");
      if (!detail::is_utf8(line)) shunt::detail::raise_io(vocab_txt, "line ", number, " is not UTF-8");
      tokens.emplace_back(line);
    }
    return WordPieceTokenizer(Vocabulary(vocab_txt, std::move(tokens)), vocab_txt, options);
  }

  /// [CLS] text [SEP]
  EncodedText encode(std::string_view text) const {
    EncodedText out;
    append(out, {cls_}, 0);
    append(out, pieces(text), 0);
    append(out, {sep_}, 0);
    return out;
  }
  /// [CLS] first [SEP] second [SEP], of types 0 and 1.
  EncodedText encode(std::string_view first, std::string_view second) const {
    auto out = encode(first);
    append(out, pieces(second), 1);
    append(out, {sep_}, 1);
    return out;
  }
  /// The text alone. [UNK], [CLS], [SEP], [PAD] and [MASK] in it are these tokens.
  std::vector<std::int64_t> pieces(std::string_view text) const {
    std::vector<std::int64_t> ids;
    while (!text.empty()) {
      std::size_t at = 0, length = 0;
      std::int64_t special = -1;
      for (; at < text.size(); ++at) {
        for (const auto name : names)
          if (text.substr(at).starts_with(name)) special = tokens_.find(name), length = name.size();
        if (special >= 0) break;
      }
      for (const auto& word : words(text.substr(0, at))) append_pieces(word, ids);
      if (special >= 0) ids.push_back(special);
      text.remove_prefix(std::min(at + length, text.size()));
    }
    return ids;
  }
  /// Words with a space between, `##` pieces joined to what they go on with, [CLS], [SEP] and [PAD] left out.
  /// IndexError for an id that there is not.
  std::string decode(const std::vector<std::int64_t>& ids) const {
    std::string text;
    for (const auto id : ids) {
      const std::string_view piece = tokens_[id];
      if (id == cls_ || id == sep_ || id == pad_) continue;
      const bool goes_on = piece.size() > 2 && piece.starts_with("##");
      if (!text.empty() && !goes_on) text += ' ';
      text += goes_on ? piece.substr(2) : piece;
    }
    return text;
  }

  std::int64_t size() const { return tokens_.size(); }
  /// The id of a token, such as "[MASK]"; ValueError if there is none.
  std::int64_t id(std::string_view token) const {
    const auto found = tokens_.find(token);
    if (found < 0) shunt::detail::raise<ValueError>("tokenizer: the vocabulary has no ", token);
    return found;
  }

 private:
  static constexpr std::string_view names[] = {"[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"};

  WordPieceTokenizer(Vocabulary tokens, const std::string& path, WordPieceOptions options)
      : tokens_(std::move(tokens)),
        options_(options),
        unk_(tokens_.find("[UNK]")),
        cls_(tokens_.find("[CLS]")),
        sep_(tokens_.find("[SEP]")),
        pad_(tokens_.find("[PAD]")) {
    if (unk_ < 0 || cls_ < 0 || sep_ < 0)
      shunt::detail::raise_io(path, "has no ", unk_ < 0 ? "[UNK]" : cls_ < 0 ? "[CLS]" : "[SEP]");
  }

  static void append(EncodedText& out, const std::vector<std::int64_t>& ids, std::int64_t type) {
    out.ids.insert(out.ids.end(), ids.begin(), ids.end());
    out.types.resize(out.ids.size(), type);
  }
  /// Split at spaces, and before and behind each ideograph and punctuation mark.
  std::vector<detail::CodePoints> words(std::string_view text) const {
    detail::CodePoints clean;
    for (const auto c : detail::code_points(text))
      if (c == '\t' || c == '\n' || c == '\r')
        clean.push_back(' ');
      else if (c != 0xfffd && !detail::is_control(c))
        clean.push_back(c);
    if (options_.lower_case) {
      clean = detail::decomposed(clean, false);
      clean.erase(std::remove_if(clean.begin(), clean.end(), detail::is_accent), clean.end());
      for (auto& c : clean) c = ::utf8proc_tolower(c);
    }
    std::vector<detail::CodePoints> found;
    bool in_word = false;
    for (const auto c : clean) {
      const bool alone = detail::is_ideograph(c) || detail::splits_words(c), space = detail::is_space(c);
      if (!space && (alone || !in_word)) found.emplace_back();
      if (!space) found.back().push_back(c);
      in_word = !space && !alone;
    }
    return found;
  }
  /// The longest piece that the word begins with, then the longest that goes on, and so on; [UNK] for the whole word if
  /// one of them is missing.
  void append_pieces(const detail::CodePoints& word, std::vector<std::int64_t>& ids) const {
    std::string text;
    for (const auto c : word) detail::append_utf8(text, c);
    const auto start = ids.size();
    bool known = static_cast<std::int64_t>(word.size()) <= options_.longest_word;
    for (std::size_t at = 0; known && at < text.size();) {
      std::int64_t longest = -1;
      std::size_t bytes = 0;
      tokens_.each_prefix(at == 0 ? "" : "##", std::string_view(text).substr(at),
                          [&](std::int64_t id, std::size_t length) { longest = id, bytes = length; });
      known = longest >= 0;
      ids.push_back(longest);
      at += bytes;
    }
    if (known) return;
    ids.resize(start);
    ids.push_back(unk_);
  }

  Vocabulary tokens_;
  WordPieceOptions options_;
  std::int64_t unk_, cls_, sep_, pad_;
};

}  // namespace shunt::data
