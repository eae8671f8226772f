// What a command line says: options that are bound to variables, words beside them, and --help.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace arguments {

/// Puts what the whole text says into `to`, or is false.
inline bool read(const std::string& text, std::string& to) {
  to = text;
  return true;
}
template <class Number>
bool read(const std::string& text, Number& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc() && end == text.data() + text.size();
}
/// Values with commas between them.
template <class T>
bool read(const std::string& text, std::vector<T>& to) {
  to.clear();
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');)
    if (!read(part, to.emplace_back())) return false;
  return true;
}

/// Says what is allowed, then parses. Options apply in the order in which they are given.
class Parser {
 public:
  /// `--name VALUE`, as it stands in the usage.
  template <class T>
  Parser& option(const std::string& usage, T& to) {
    return add(usage, true, [&to](const std::string& value) { return read(value, to); });
  }
  Parser& flag(const std::string& name, const std::function<void()>& set) {
    return add(name, false, [set](const std::string&) { return set(), true; });
  }
  Parser& flag(const std::string& name, bool& to) {
    return flag(name, [&to] { to = true; });
  }
  /// What does not begin with `--`: the last of it, or all.
  Parser& words(const std::string& usage, std::string& to) { return option(usage, to); }
  Parser& words(const std::string& usage, std::vector<std::string>& to) {
    return add(usage, true, [&to](const std::string& word) { return to.push_back(word), true; });
  }

  /// Ends the program on --help, and with status 2 on what is not allowed.
  void parse(int argc, char** argv) const {
    const auto program = std::filesystem::path(argv[0]).filename().string(),
               usage = "usage: " + program + usage_ + '\n';
    const auto fail = [&](const std::string& why) {
      std::fputs((program + ": " + why + '\n' + usage).c_str(), stderr);
      std::exit(2);
    };
    for (int i = 1; i < argc; ++i) {
      const std::string arg = argv[i];
      if (arg == "--help") std::fputs(usage.c_str(), stdout), std::exit(0);
      const bool named = arg.starts_with("--");
      const auto option = std::find_if(options_.begin(), options_.end(), [&](const Option& o) {
        return named ? o.name == arg : !o.name.starts_with("--");
      });
      if (option == options_.end()) fail((named ? "unknown option " : "unexpected argument ") + arg);
      if (named && option->takes_value && ++i == argc) fail(arg + " needs a value");
      if (!option->set(argv[i])) fail(arg + ": '" + argv[i] + "' is no number");
    }
  }

 private:
  struct Option {
    std::string name;
    bool takes_value;
    std::function<bool(const std::string&)> set;  ///< False for what is no value.
  };

  Parser& add(const std::string& usage, bool takes_value, std::function<bool(const std::string&)> set) {
    usage_ += " [" + usage + "]";
    options_.push_back({usage.substr(0, usage.find(' ')), takes_value, std::move(set)});
    return *this;
  }

  std::string usage_;
  std::vector<Option> options_;
};

}  // namespace arguments
