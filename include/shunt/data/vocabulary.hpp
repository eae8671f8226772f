// The pieces of text that a tokenizer knows, each with a number.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shunt/core/file.hpp"

namespace shunt::data {

/// Pieces numbered from 0.
class Vocabulary {
 public:
  Vocabulary() = default;
  /// IoError naming `path`, which they were read from, if a piece is empty or stands twice. With `repeats` it may, and
  /// the last one is found.
  Vocabulary(const std::string& path, std::vector<std::string> pieces, bool repeats = false)
      : pieces_(std::move(pieces)), order_(pieces_.size()) {
    for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = static_cast<std::int64_t>(i);
    std::sort(order_.begin(), order_.end(), [&](auto a, auto b) { return at(a) != at(b) ? at(a) < at(b) : a > b; });
    const auto same = [&](auto a, auto b) { return at(a) == at(b); };
    if (!order_.empty() && at(order_[0]).empty()) shunt::detail::raise_io(path, "token ", order_[0], " is empty");
    if (const auto twice = std::adjacent_find(order_.begin(), order_.end(), same); twice != order_.end() && !repeats)
      shunt::detail::raise_io(path, "tokens ", twice[1], " and ", twice[0], " are both '", at(*twice), "'");
    order_.erase(std::unique(order_.begin(), order_.end(), same), order_.end());
  }

  std::int64_t size() const { return static_cast<std::int64_t>(pieces_.size()); }
  /// Piece `id`; IndexError outside.
  const std::string& operator[](std::int64_t id) const {
    if (id < 0 || id >= size()) shunt::detail::raise<IndexError>("tokenizer: no token ", id, " of ", size());
    return at(id);
  }
  /// The number of a piece, or -1.
  std::int64_t find(std::string_view piece) const {
    const auto it =
        std::lower_bound(order_.begin(), order_.end(), piece, [&](auto id, auto text) { return at(id) < text; });
    return it != order_.end() && at(*it) == piece ? *it : -1;
  }
  /// f(id, length) for every piece `lead` + the first `length` bytes of `text`, the shortest first.
  template <class F>
  void each_prefix(std::string_view lead, std::string_view text, const F& f) const {
    auto first = order_.begin(), last = order_.end();  // the pieces that agree so far
    for (std::size_t k = 0; k < lead.size() + text.size(); ++k) {
      const char wanted = k < lead.size() ? lead[k] : text[k - lead.size()];
      const auto byte = [](char c) { return static_cast<unsigned char>(c); };
      first = std::partition_point(first, last,
                                   [&](auto id) { return at(id).size() == k || byte(at(id)[k]) < byte(wanted); });
      last = std::partition_point(first, last, [&](auto id) { return at(id)[k] == wanted; });
      if (first == last) return;
      if (k >= lead.size() && at(*first).size() == k + 1) f(*first, k + 1 - lead.size());
    }
  }

 private:
  const std::string& at(std::int64_t id) const { return pieces_[static_cast<std::size_t>(id)]; }

  std::vector<std::string> pieces_;
  std::vector<std::int64_t> order_;  ///< By piece.
};

}  // namespace shunt::data
