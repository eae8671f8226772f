// Vocabularies that are kept as JSON, checked while they are parsed: {"piece": id, ..} and [["piece", score], ..].
#pragma once

#if !__has_include(<nlohmann/json.hpp>)
#error "shunt/data/json_vocabulary.hpp needs nlohmann/json.hpp: install the Debian package nlohmann-json3-dev"
#endif
#include <nlohmann/json.hpp>

#include "shunt/data/bytes.hpp"

namespace shunt::data::detail {

/// Takes the parser's events, and refuses what a derived class does not ask for.
class JsonVocabulary : public nlohmann::json_sax<nlohmann::json> {
 public:
  /// Reads all of the file.
  void read() {
    const auto file = read_file(path_);
    nlohmann::json::sax_parse(file.data.begin(), file.data.end(), this);
  }

  bool null() override { return refuse(); }
  bool boolean(bool) override { return refuse(); }
  bool number_integer(number_integer_t) override { return refuse(); }
  bool number_unsigned(number_unsigned_t) override { return refuse(); }
  bool number_float(number_float_t, const string_t&) override { return refuse(); }
  bool string(string_t&) override { return refuse(); }
  bool binary(binary_t&) override { return refuse(); }
  bool start_object(std::size_t) override { return refuse(); }
  bool key(string_t&) override { return refuse(); }
  bool end_object() override { return refuse(); }
  bool start_array(std::size_t) override { return refuse(); }
  bool end_array() override { return refuse(); }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception& e) override {
    shunt::detail::raise_io(path_, "not JSON at byte ", at, " (", std::string(e.what()), ")");
  }

 protected:
  explicit JsonVocabulary(const std::string& path) : path_(path) {}
  /// Says where the vocabulary ends to be one.
  virtual bool refuse() const = 0;

  const std::string& path_;
  int depth_ = 0;
};

class TokenIds : public JsonVocabulary {
 public:
  std::vector<std::pair<std::string, std::uint64_t>> entries;

  explicit TokenIds(const std::string& path) : JsonVocabulary(path) {}
  bool start_object(std::size_t) override {
    if (depth_++ > 0) return refuse();
    return true;
  }
  bool end_object() override { return true; }
  bool key(string_t& k) override {
    entries.emplace_back(std::move(k), 0);
    return true;
  }
  bool number_unsigned(number_unsigned_t v) override {
    if (depth_ == 0) return refuse();
    entries.back().second = v;
    return true;
  }

 protected:
  bool refuse() const override {
    if (entries.empty()) shunt::detail::raise_io(path_, "is no object of tokens and their ids");
    shunt::detail::raise_io(path_, "token '", entries.back().first, "' has no whole number from 0 on for its id");
  }
};

class ScoredPieces : public JsonVocabulary {
 public:
  std::vector<std::string> pieces;
  std::vector<double> scores;

  /// Tolerant, null is a score of 0, and a score may be positive.
  ScoredPieces(const std::string& path, bool tolerant) : JsonVocabulary(path), tolerant_(tolerant) {}
  bool start_array(std::size_t) override {
    if (depth_++ > 1) return refuse();
    return true;
  }
  bool end_array() override {
    if (depth_-- < 2) return true;
    if (pieces.size() != ended_ + 1 || scores.size() != ended_ + 1) return refuse();
    ++ended_;
    return true;
  }
  bool string(string_t& s) override {
    if (depth_ != 2 || pieces.size() != ended_) return refuse();
    pieces.push_back(std::move(s));
    return true;
  }
  bool null() override { return tolerant_ ? score(0) : refuse(); }
  bool number_float(number_float_t v, const string_t&) override { return score(v); }
  bool number_integer(number_integer_t v) override { return score(static_cast<double>(v)); }
  bool number_unsigned(number_unsigned_t v) override { return score(static_cast<double>(v)); }

 protected:
  bool refuse() const override {
    shunt::detail::raise_io(path_, "entry ", ended_, " is not [\"piece\", score], with a score that is not positive");
  }

 private:
  bool score(double v) {
    if (depth_ != 2 || pieces.size() != ended_ + 1 || scores.size() != ended_ || (v > 0 && !tolerant_)) return refuse();
    scores.push_back(v);
    return true;
  }

  bool tolerant_;
  std::size_t ended_ = 0;
};

/// The tokens in the order of their ids, which are 0, 1, .. and so on without a hole.
inline std::vector<std::string> read_token_ids(const std::string& path) {
  TokenIds found(path);
  found.read();
  std::vector<std::string> tokens(found.entries.size());
  for (auto& [token, id] : found.entries) {
    if (token.empty()) shunt::detail::raise_io(path, "the token with the id ", id, " is empty");
    if (id >= tokens.size())
      shunt::detail::raise_io(path, "token '", token, "' has the id ", id, ", but ", tokens.size(),
                              " tokens have the ids from 0 on, without a hole");
    if (!tokens[id].empty()) shunt::detail::raise_io(path, "'", tokens[id], "' and '", token, "' have the id ", id);
    tokens[id] = std::move(token);
  }
  return tokens;
}

}  // namespace shunt::data::detail
