// Choice: an option that is one of a few words, written as PyTorch writes it and checked when compiled.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "shunt/core/error.hpp"

namespace shunt {

/// A string literal as a template argument.
template <std::size_t N>
struct Word {
  consteval Word(const char (&text)[N]) { std::copy_n(text, N, chars); }
  constexpr std::string_view view() const { return {chars, N - 1}; }
  char chars[N];
};

/// One of the words. A literal that is none of them does not compile; parse() takes run-time text.
template <Word... Words>
class Choice {
 public:
  consteval Choice(const char* text) : index_(find(text)) {
    if (index_ < 0) throw "not one of the choices";  // reached only while compiling: makes the program ill-formed
  }
  /// The choice named by `text`; ValueError listing all of them otherwise.
  [[nodiscard]] static Choice parse(std::string_view text) {
    Choice c;
    c.index_ = find(text);
    if (c.index_ >= 0) return c;
    std::string all;
    ((all += (all.empty() ? "" : ", ") + std::string(Words.view())), ...);
    detail::raise<ValueError>("'", text, "' is not one of ", all);
  }

  constexpr std::string_view name() const {
    constexpr std::string_view names[] = {Words.view()...};
    return names[index_];
  }
  /// Compares with a literal, which must be one of the words.
  friend constexpr bool operator==(Choice a, Choice b) { return a.index_ == b.index_; }

 private:
  Choice() = default;
  static constexpr int find(std::string_view text) {
    int found = -1, i = 0;
    ((found = Words.view() == text ? i : found, ++i), ...);
    return found;
  }
  int index_ = 0;
};

}  // namespace shunt
