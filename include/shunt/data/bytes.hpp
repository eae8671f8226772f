// The bytes of a file that a reader works on, and where they came from.
#pragma once

#include "shunt/core/file.hpp"

namespace shunt::data {

/// A file's content; `path` is what errors name.
struct Bytes {
  std::string path;
  std::vector<unsigned char> data;
};

/// The file as it is. For gzip-compressed ones there is read_gzip in shunt/data/gzip.hpp.
inline Bytes read_file(const std::string& path) {
  const shunt::detail::InputFile file(path);
  Bytes b{path, std::vector<unsigned char>(file.size())};
  file.read(0, b.data.data(), b.data.size());
  return b;
}

}  // namespace shunt::data
