// What files hold.
#pragma once

#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string>

/// Where the files that Python wrote lie.
inline const std::string files = SHUNT_SOURCE_DIR "/tests/reference/files/";

/// A file's whole content; nothing where there is no file.
inline std::string content_of(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

/// The bytes of numbers, one after another.
template <class T>
std::string raw(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)};
}
