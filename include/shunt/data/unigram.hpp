// SentencePiece's unigram model (Kudo 2018): the most likely way to put a text together from pieces.
#pragma once

#if !__has_include(<nlohmann/json.hpp>)
#error "shunt/data/unigram.hpp needs nlohmann/json.hpp: install the Debian package nlohmann-json3-dev"
#endif
#if !__has_include(<utf8proc.h>)
#error "shunt/data/unigram.hpp needs utf8proc.h: install the Debian package libutf8proc-dev"
#endif
#include <utf8proc.h>
#include <nlohmann/json.hpp>

#include <limits>

#include "shunt/data/json_vocabulary.hpp"
#include "shunt/data/unicode.hpp"
#include "shunt/data/vocabulary.hpp"

namespace shunt::data {

struct UnigramOptions {
  /// How many of the first pieces are signs that no text matches; piece 0 stands for what has no piece. The Universal
  /// Sentence Encoder has 6.
  std::int64_t reserved = 6;
  /// Take what that encoder's published vocabulary has and should not: scores that were lost (null, or positive) as
  /// they are, null as 0, and of pieces that stand twice the last.
  bool tolerant = false;
};

/// Text as pieces. Words begin with U+2581 in place of the spaces before them; runs of spaces are one. Text is first
/// brought to the normal form KC; bytes that are not UTF-8 become U+FFFD.
class UnigramTokenizer {
 public:
  /// A JSON array of [piece, logarithm of its probability]. IoError for a file that is not one, has no piece beside the
  /// reserved ones, a piece twice or a positive score.
  static UnigramTokenizer load(const std::string& vocab_json, UnigramOptions options = {}) {
    detail::ScoredPieces found(vocab_json, options.tolerant);
    found.read();
    return UnigramTokenizer(vocab_json, std::move(found.pieces), std::move(found.scores), options);
  }

  /// The pieces whose scores have the largest sum, found by Viterbi's algorithm. A character without a piece counts as
  /// 10 less than the worst score; several in a row are one 0.
  std::vector<std::int64_t> encode(std::string_view text) const {
    const auto marked = normal_form(text);
    const std::string_view whole = marked;
    constexpr auto unreached = -std::numeric_limits<double>::infinity();
    struct Best {  // of the ways to put the text up to here together
      double score = unreached;
      std::int64_t id = 0;
      std::size_t from = 0;
    };
    std::vector<Best> best(whole.size() + 1);
    best[0].score = 0;
    for (std::size_t at = 0; at < whole.size(); ++at) {
      if (best[at].score == unreached) continue;  // within a character
      const auto reach = [&](std::size_t end, std::int64_t id, double score) {
        if (best[at].score + score > best[end].score) best[end] = {best[at].score + score, id, at};
      };
      const auto character = detail::decode_at(whole, at).bytes;
      bool known = false;
      pieces_.each_prefix("", whole.substr(at), [&](std::int64_t id, std::size_t length) {
        if (id < options_.reserved) return;
        known = known || length == character;
        reach(at + length, id, scores_[static_cast<std::size_t>(id)]);
      });
      if (!known) reach(at + character, 0, unknown_score_);
    }
    std::vector<std::int64_t> ids;
    for (auto at = whole.size(); at > 0; at = best[at].from)
      if (ids.empty() || best[at].id != 0 || ids.back() != 0) ids.push_back(best[at].id);
    std::reverse(ids.begin(), ids.end());
    return ids;
  }
  /// The text of the pieces, with U+FFFD for 0 and nothing for other reserved ones; IndexError for an id that there is
  /// not.
  std::string decode(const std::vector<std::int64_t>& ids) const {
    std::string text;
    for (const auto id : ids) {
      std::string_view piece = id == 0 ? unknown : pieces_[id];
      if (id != 0 && id < options_.reserved) continue;
      for (auto at = piece.find(mark); at != piece.npos; at = piece.find(mark)) {
        text += piece.substr(0, at);
        text += ' ';
        piece.remove_prefix(at + mark.size());
      }
      text += piece;
    }
    return text.starts_with(' ') ? text.substr(1) : text;
  }

  std::int64_t size() const { return pieces_.size(); }

 private:
  static constexpr std::string_view mark = "\xe2\x96\x81", unknown = "\xef\xbf\xbd";

  UnigramTokenizer(const std::string& path, std::vector<std::string> pieces, std::vector<double> scores,
                   UnigramOptions options)
      : scores_(std::move(scores)), options_(options) {
    if (options.reserved < 1)
      shunt::detail::raise<ValueError>("UnigramTokenizer: reserved must be at least 1, got ", options.reserved);
    const auto count = static_cast<std::int64_t>(pieces.size());
    if (count <= options.reserved)
      shunt::detail::raise_io(path, "has ", count, " pieces, of which ", options.reserved, " are reserved");
    pieces_ = Vocabulary(path, std::move(pieces), options.tolerant);
    unknown_score_ = *std::min_element(scores_.begin() + options.reserved, scores_.end()) - 10;
  }

  static std::string normal_form(std::string_view text) {
    std::string out;
    bool before_word = true;
    for (const auto c : detail::normal_form_kc(detail::code_points(text))) {
      const bool space = detail::is_space(c);
      if (!space && before_word) out += mark;
      if (!space) detail::append_utf8(out, c);
      before_word = space;
    }
    return out;
  }

  Vocabulary pieces_;
  std::vector<double> scores_;
  UnigramOptions options_;
  double unknown_score_ = 0;
};

}  // namespace shunt::data
