// Every operation that records a gradient is checked by check_op: found by reading the sources, so that no filter and
// no order of tests can hide one.
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace {

using Names = std::set<std::string>;

/// The sources of a folder, without comments.
std::vector<std::string> sources_in(const char* folder) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(SHUNT_SOURCE_DIR) / folder)) {
    std::ifstream file(entry.path());
    std::string text;
    for (std::string line; std::getline(file, line);) text += line.substr(0, line.find("//")) + '\n';
    out.push_back(text);
  }
  return out;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Where calls of `function` begin their arguments: behind `function(` or `function<...>(`.
std::vector<std::size_t> calls_of(const std::string& function, const std::string& text) {
  std::vector<std::size_t> out;
  for (auto i = text.find(function); i != std::string::npos; i = text.find(function, i + 1)) {
    auto end = i + function.size();
    if ((i > 0 && is_word(text[i - 1])) || end >= text.size()) continue;
    if (text[end] == '<') end = text.find('>', end) + 1;
    if (end < text.size() && text[end] == '(') out.push_back(text.find_first_not_of(" \n", end + 1));
  }
  return out;
}

Names literals_given_to(const std::string& function, const std::string& text) {
  Names out;
  for (auto i : calls_of(function, text))
    if (text[i] == '"') out.insert(text.substr(i + 1, text.find('"', i + 1) - i - 1));
  return out;
}

/// Functions that take the operation's name and hand it on to record(): `f(const char* op, ...)`, closed under calls.
Names recorders(const std::vector<std::string>& sources) {
  std::map<std::string, std::string> takes_name;  // function -> body
  const std::string parameter = "(const char* op";
  for (const auto& text : sources)
    for (auto i = text.find(parameter); i != std::string::npos; i = text.find(parameter, i + 1)) {
      auto begin = i;
      while (begin > 0 && is_word(text[begin - 1])) --begin;
      takes_name[text.substr(begin, i - begin)] += text.substr(i + parameter.size(), text.find("\n}\n", i) - i);
    }
  Names out{"record", "make"};
  for (std::size_t before = 0; before != out.size();) {
    before = out.size();
    for (const auto& [name, body] : takes_name)
      for (const auto& known : Names(out))
        for (auto i : calls_of(known, body))
          if (body.compare(i, 2, "op") == 0 && !is_word(body[i + 2])) out.insert(name);
  }
  return out;
}

Names recorded_operations() {
  const auto sources = sources_in("include/shunt/ops");
  Names out;
  for (const auto& function : recorders(sources))
    for (const auto& text : sources) out.merge(literals_given_to(function, text));
  return out;
}

Names checked_operations() {
  Names out;
  for (const auto& text : sources_in("tests/ops")) {
    out.merge(literals_given_to("check_op", text));
    out.merge(literals_given_to("check_op_without_dual", text));
  }
  return out;
}

/// Operations that check_op cannot take, and what tests them instead.
const std::map<std::string, std::string> exempt = {
    {"to", "changes the scalar type, so there is no gradient in one type to compare: tests/autograd"},
};

std::string list(const Names& names) {
  std::ostringstream out;
  for (const auto& n : names) out << "\n  " << n;
  return out.str();
}

}  // namespace

TEST_CASE("registry: every operation with a gradient is checked by check_op", "[ops][registry]") {
  const auto recorded = recorded_operations(), checked = checked_operations();
  REQUIRE(recorded.count("add") == 1);   // given to record()
  REQUIRE(recorded.count("exp") == 1);   // given to a function that records
  REQUIRE(recorded.count("amax") == 1);  // the same in another file
  Names missing, stale;
  for (const auto& name : recorded)
    if (checked.count(name) == 0 && exempt.count(name) == 0) missing.insert(name);
  for (const auto& [name, reason] : exempt)
    if (recorded.count(name) == 0 || checked.count(name) != 0) stale.insert(name);
  INFO("without a check_op in tests/ops:" << list(missing) << "\nexempt for no reason:" << list(stale));
  CHECK(missing.empty());
  CHECK(stale.empty());
}
