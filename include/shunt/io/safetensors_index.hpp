// The index of a model that is kept in several safetensors files, as Hugging Face writes it.
#pragma once

#include <map>

#include "shunt/io/json.hpp"
#include "shunt/io/text.hpp"

namespace shunt::io::detail {

/// File by tensor.
using SafetensorsIndex = std::map<std::string, std::string, std::less<>>;

/// {"metadata": .., "weight_map": {tensor: file}}; a file outside the index's folder is an IoError.
[[gnu::cold]] inline SafetensorsIndex read_safetensors_index(const std::string& path) {
  const auto json = read_json(path);
  const auto map = json.is_object() ? json.find("weight_map") : json.end();
  if (map == json.end() || !map->is_object()) shunt::detail::raise_io(path, "has no object 'weight_map'");
  SafetensorsIndex index;
  for (const auto& [name, file] : map->items()) {
    if (!file.is_string()) shunt::detail::raise_io(path, "does not say in which file the tensor '", name, "' is");
    const auto& text = file.get_ref<const std::string&>();
    if (!is_plain_name(text))
      shunt::detail::raise_io(path, "names the file '", text, "' for '", name, "', which is not one of its own folder");
    index.emplace(name, text);
  }
  return index;
}

/// Each file once, in order.
inline std::vector<std::string> shards_of(const SafetensorsIndex& index) {
  std::vector<std::string> files;
  for (const auto& entry : index) files.push_back(entry.second);
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

}  // namespace shunt::io::detail
