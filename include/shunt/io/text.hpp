// Names that stand in files, before they are believed.
#pragma once

#include <string>
#include <string_view>

#include "shunt/core/utf8.hpp"

namespace shunt::io::detail {

using shunt::detail::is_utf8;

/// True for the name of a file in the folder where its mention stands: no way out of it.
inline bool is_plain_name(std::string_view s) {
  return !s.empty() && s != "." && s != ".." && s.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}
/// The path of a file beside another one.
inline std::string beside(const std::string& path, std::string_view name) {
  const auto slash = path.rfind('/');
  return path.substr(0, slash == std::string::npos ? 0 : slash + 1).append(name);
}

}  // namespace shunt::io::detail
