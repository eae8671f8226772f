// Small JSON files that describe others, read with the checks that a hostile one asks for.
#pragma once

#if !__has_include(<nlohmann/json.hpp>)
#error "shunt/io/json.hpp needs nlohmann/json.hpp: install the Debian package nlohmann-json3-dev"
#endif
#include <nlohmann/json.hpp>

#include <set>

#include "shunt/core/file.hpp"

namespace shunt::io::detail {

/// The file's value. IoError for what is not JSON, not UTF-8, nested deeper than 100, longer than 100 MB, or has an
/// object in which a name stands twice.
[[gnu::cold, gnu::noinline]] inline nlohmann::json read_json(const std::string& path) {
  const shunt::detail::InputFile file(path);
  if (file.size() > 100'000'000) shunt::detail::raise_io(path, "is longer than a JSON file may be here");
  std::string text(file.size(), '\0');
  file.read(0, text.data(), text.size());
  std::vector<std::set<std::string>> open;  // the names so far of each object around the parser's place
  const auto watch = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    using Event = nlohmann::json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      if (depth > 100) shunt::detail::raise_io(path, "is nested deeper than 100");
      if (event == Event::object_start) open.emplace_back();
    } else if (event == Event::object_end) {
      open.pop_back();
    } else if (event == Event::key && !open.back().insert(value.get<std::string>()).second) {
      shunt::detail::raise_io(path, "the name '", value.get<std::string>(), "' stands twice");
    }
    return true;
  };
  try {
    return nlohmann::json::parse(text, watch);
  } catch (const nlohmann::json::exception& e) {
    shunt::detail::raise_io(path, "is not JSON (", std::string(e.what()), ")");
  }
}

}  // namespace shunt::io::detail
