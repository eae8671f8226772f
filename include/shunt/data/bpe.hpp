// Byte-level byte-pair encoding (Sennrich et al. 2016), as GPT-2 has it (Radford et al. 2019).
#pragma once

#if !__has_include(<nlohmann/json.hpp>)
#error "shunt/data/bpe.hpp needs nlohmann/json.hpp: install the Debian package nlohmann-json3-dev"
#endif
#if !__has_include(<utf8proc.h>)
#error "shunt/data/bpe.hpp needs utf8proc.h: install the Debian package libutf8proc-dev"
#endif
#include <utf8proc.h>
#include <nlohmann/json.hpp>

#include <array>
#include <optional>
#include <queue>
#include <unordered_map>

#include "shunt/data/json_vocabulary.hpp"
#include "shunt/data/unicode.hpp"
#include "shunt/data/vocabulary.hpp"

namespace shunt::data {
namespace detail {

/// How many bytes of `text`, which is not empty, GPT-2 takes as one word. Its pattern is
/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
/// A byte that is not UTF-8 is neither letter nor number nor space.
inline std::size_t gpt2_word(std::string_view text) {
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (text.starts_with(ending)) return ending.size();
  enum class Kind { letter, number, space, other };
  std::size_t at = 0, bytes = 0;
  const auto kind = [&] {  // of the character at `at`
    const auto c = decode_at(text, at);
    bytes = c.bytes;
    if (!c.valid) return Kind::other;
    return is_letter(c.code)   ? Kind::letter
           : is_number(c.code) ? Kind::number
           : is_space(c.code)  ? Kind::space
                               : Kind::other;
  };
  at = text[0] == ' ' ? 1 : 0;
  if (at < text.size())
    if (const auto first = kind(); first != Kind::space) {
      do at += bytes;
      while (at < text.size() && kind() == first);
      return at;
    }
  std::size_t last = 0;  // the last space stays with the word that follows
  for (at = 0; at < text.size() && kind() == Kind::space; at += bytes) last = at;
  return at == text.size() || last == 0 ? at : last;
}

/// The characters that stand for the bytes in GPT-2's files: a byte that can be seen stands for itself, the others for
/// those from U+0100 on.
class ByteCharacters {
 public:
  ByteCharacters() {
    byte_.fill(-1);
    std::size_t next = 0x100;
    for (int b = 0; b < 256; ++b) {
      const bool seen = (b > 0x20 && b < 0x7f) || (b > 0xa0 && b != 0xad);
      byte_[seen ? static_cast<std::size_t>(b) : next++] = static_cast<std::int16_t>(b);
    }
  }
  /// Nothing if a character stands for no byte.
  std::optional<std::string> bytes(std::string_view text) const {
    std::string out;
    for (const auto code : code_points(text)) {
      const auto i = static_cast<std::size_t>(code);
      if (i >= byte_.size() || byte_[i] < 0) return {};
      out += static_cast<char>(byte_[i]);
    }
    return out;
  }

 private:
  std::array<std::int16_t, 0x144> byte_;
};

}  // namespace detail

struct BytePairEncodeOptions {
  bool special = true;  ///< Whether <|endoftext|> in the text is the token of that name, or thirteen characters.
};

/// Text as tokens and back. It works on bytes: any text, UTF-8 or not, is encoded, and decoded to what it was.
class BytePairTokenizer {
 public:
  /// GPT-2's encoder.json ({"token": id}) and vocab.bpe (a line "left right" for each merge, the first to be done
  /// first); Hugging Face calls them vocab.json and merges.txt. IoError for files that do not fit together.
  static BytePairTokenizer load(const std::string& encoder_json, const std::string& vocab_bpe) {
    BytePairTokenizer t;
    t.read_tokens(encoder_json);
    t.read_merges(vocab_bpe, encoder_json);
    return t;
  }

  std::vector<std::int64_t> encode(std::string_view text, BytePairEncodeOptions options = {}) const {
    std::vector<std::int64_t> ids;
    Scratch scratch;
    while (!text.empty()) {
      const auto special = options.special && end_of_text_ >= 0 ? text.find(end_of_text_name) : text.npos;
      const auto end = std::min(special, text.size());
      for (std::size_t at = 0; at < end;) {
        const auto word = text.substr(at, detail::gpt2_word(text.substr(at, end - at)));
        merge(word, scratch, ids);
        at += word.size();
      }
      if (special != text.npos) ids.push_back(end_of_text_);
      text.remove_prefix(special == text.npos ? end : end + end_of_text_name.size());
    }
    return ids;
  }
  /// The bytes of the tokens, one after another; IndexError for an id that there is not.
  std::string decode(const std::vector<std::int64_t>& ids) const {
    std::string text;
    for (const auto id : ids) text += tokens_[id];
    return text;
  }

  std::int64_t size() const { return tokens_.size(); }
  /// The id of <|endoftext|>, which stands between texts; ValueError if the vocabulary has none.
  std::int64_t end_of_text() const {
    if (end_of_text_ < 0) shunt::detail::raise<ValueError>("tokenizer: the vocabulary has no ", end_of_text_name);
    return end_of_text_;
  }

 private:
  static constexpr std::string_view end_of_text_name = "<|endoftext|>";

  struct Merge {
    std::int64_t rank, id;
  };
  /// A token of the word that is being merged; -1 once it is part of another. Its neighbours by position.
  struct Part {
    std::int64_t id;
    std::size_t previous, next;
  };
  /// Two neighbours that could be merged, the first of them at `at`.
  struct Pair {
    Merge merge;
    std::size_t at;
    std::int64_t left, right;
    bool operator<(const Pair& o) const { return merge.rank != o.merge.rank ? merge.rank > o.merge.rank : at > o.at; }
  };
  struct Scratch {
    std::vector<Part> parts;
    std::priority_queue<Pair> pairs;
    std::vector<Pair> same;
  };

  BytePairTokenizer() = default;

  static std::uint64_t key(std::int64_t left, std::int64_t right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint64_t>(right);
  }
  /// Merges the neighbours whose merge comes first, all of them from left to right, until none is left. With a queue,
  /// a word of n bytes takes O(n log n).
  void merge(std::string_view word, Scratch& s, std::vector<std::int64_t>& ids) const {
    auto& parts = s.parts;
    parts.clear();
    for (const char c : word)
      parts.push_back({byte_ids_[static_cast<unsigned char>(c)], parts.size() - 1, parts.size() + 1});
    const auto look_at = [&](std::size_t at) {
      if (at >= parts.size() || parts[at].next >= parts.size()) return;
      const auto left = parts[at].id, right = parts[parts[at].next].id;
      const auto found = merges_.find(key(left, right));
      if (found != merges_.end()) s.pairs.push({found->second, at, left, right});
    };
    for (std::size_t i = 0; i < parts.size(); ++i) look_at(i);
    while (!s.pairs.empty()) {
      s.same.clear();
      const auto rank = s.pairs.top().merge.rank;
      for (; !s.pairs.empty() && s.pairs.top().merge.rank == rank; s.pairs.pop()) s.same.push_back(s.pairs.top());
      for (const auto& pair : s.same) {
        auto& left = parts[pair.at];
        if (left.id != pair.left || left.next >= parts.size() || parts[left.next].id != pair.right) continue;
        parts[left.next].id = -1;
        left.id = pair.merge.id;
        left.next = parts[left.next].next;
        if (left.next < parts.size()) parts[left.next].previous = pair.at;
        look_at(left.previous);
        look_at(pair.at);
      }
    }
    for (std::size_t i = 0; i < parts.size(); i = parts[i].next) ids.push_back(parts[i].id);
  }

  void read_tokens(const std::string& path) {
    auto tokens = detail::read_token_ids(path);
    if (tokens.size() >> 31 != 0) shunt::detail::raise_io(path, "has more tokens than can be numbered");
    const detail::ByteCharacters characters;
    for (auto& token : tokens) {
      auto bytes = characters.bytes(token);
      if (!bytes) shunt::detail::raise_io(path, "token '", token, "' has a character that stands for no byte");
      token = std::move(*bytes);
    }
    tokens_ = Vocabulary(path, std::move(tokens));
    end_of_text_ = tokens_.find(end_of_text_name);
    for (std::size_t b = 0; b < byte_ids_.size(); ++b) {
      const char c = static_cast<char>(b);
      byte_ids_[b] = tokens_.find({&c, 1});
      if (byte_ids_[b] < 0) shunt::detail::raise_io(path, "has no token for the byte ", b);
    }
  }
  void read_merges(const std::string& path, const std::string& encoder_json) {
    const detail::ByteCharacters characters;
    const auto file = read_file(path);
    std::string_view rest(reinterpret_cast<const char*>(file.data.data()), file.data.size());
    for (std::int64_t line = 1; !rest.empty(); ++line) {
      auto text = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(text.size() + 1, rest.size()));
      if (text.ends_with('\r')) text.remove_suffix(1);
      if (text.empty() || (line == 1 && text.starts_with("#version"))) continue;
      const auto space = std::min(text.find(' '), text.size() - 1);
      const auto first = characters.bytes(text.substr(0, space)), second = characters.bytes(text.substr(space + 1));
      if (!first || !second || first->empty() || second->empty())
        shunt::detail::raise_io(path, "line ", line, " is not two tokens with a space between");
      const auto left = tokens_.find(*first), right = tokens_.find(*second), both = tokens_.find(*first + *second);
      if (left < 0 || right < 0 || both < 0)
        shunt::detail::raise_io(path, "line ", line, ": '", text, "' has a token that is not in ", encoder_json);
      if (!merges_.emplace(key(left, right), Merge{static_cast<std::int64_t>(merges_.size()), both}).second)
        shunt::detail::raise_io(path, "line ", line, ": '", text, "' stands twice");
    }
  }

  Vocabulary tokens_;
  std::array<std::int64_t, 256> byte_ids_{};
  std::unordered_map<std::uint64_t, Merge> merges_;
  std::int64_t end_of_text_ = -1;
};

}  // namespace shunt::data
