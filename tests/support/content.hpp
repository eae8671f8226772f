// A file's whole content; nothing where there is no file.
#pragma once

#include <fstream>
#include <sstream>
#include <string>

inline std::string content_of(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}
