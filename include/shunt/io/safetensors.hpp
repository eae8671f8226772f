// Safetensors files: 8 bytes of header size, a JSON header with type, shape and place of every tensor, the data.
#pragma once

#if !__has_include(<nlohmann/json.hpp>)
#error "shunt/io/safetensors.hpp needs nlohmann/json.hpp: install the Debian package nlohmann-json3-dev"
#endif
#include <nlohmann/json.hpp>

#include <string_view>

#include "shunt/io/atomic_file.hpp"
#include "shunt/io/file_source.hpp"
#include "shunt/io/safetensors_header.hpp"
#include "shunt/io/safetensors_index.hpp"

namespace shunt::io {

/// Text beside the tensors, by name.
using Metadata = std::vector<std::pair<std::string, std::string>>;

/// What a file holds; its dict is in the header's order.
struct Safetensors {
  StateDict tensors;
  Metadata metadata;
};

namespace detail {

inline std::string json_text(const std::string& path, const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) { shunt::detail::raise_io(path, "a name is not UTF-8"); }
}

}  // namespace detail

/// Writes the dict whole or not at all (AtomicFile). Names keep their order; the data are sorted by the size of an
/// element, so that each is aligned. Dual numbers and a tensor named __metadata__ are ValueErrors.
inline void save_safetensors(const std::string& path, const StateDict& dict, const Metadata& metadata = {}) {
  std::vector<std::size_t> order;
  std::vector<const AnyTensor*> tensors;
  for (const auto& [name, tensor] : dict) {
    if (name == "__metadata__")
      shunt::detail::raise<ValueError>("save_safetensors: no tensor may be named __metadata__");
    order.push_back(order.size());
    tensors.push_back(&tensor);
  }
  const auto size = [&](std::size_t i) { return detail::element_size(detail::element_of(tensors[i]->dtype())); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return size(a) > size(b); });
  std::vector<std::uint64_t> begin(order.size());
  std::uint64_t total = 0;
  for (const auto i : order)
    begin[i] = std::exchange(total, total + size(i) * static_cast<std::uint64_t>(tensors[i]->numel()));

  std::string header = "{";
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata)
      header += (header.back() == '{' ? "" : ",") + detail::json_text(path, key) + ":" + detail::json_text(path, value);
    header += "}";
  }
  std::size_t i = 0;
  for (const auto& [name, tensor] : dict) {
    const auto e = detail::element_of(tensor.dtype());
    header += (header.size() == 1 ? "" : ",") + detail::json_text(path, name) + ":{\"dtype\":\"" +
              detail::safetensors_name(e) + "\",\"shape\":[";
    for (int d = 0; d < tensor.shape().rank(); ++d) header += (d > 0 ? "," : "") + std::to_string(tensor.shape()[d]);
    const auto end = begin[i] + size(i) * static_cast<std::uint64_t>(tensor.numel());
    header += "],\"data_offsets\":[" + std::to_string(begin[i++]) + "," + std::to_string(end) + "]}";
  }
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');

  AtomicFile file(path);
  const std::uint64_t length = header.size();
  file.write(&length, sizeof length);
  file.write(header.data(), header.size());
  for (const auto k : order)
    detail::visit_bytes(*tensors[k], [&](const void* data, std::size_t n) { file.write(data, n); });
  file.commit();
}

/// Tensors and metadata. float16 and float8 come as float, other integers as the next larger kind that we have;
/// bfloat16 stays. Tensors lie in the file's mapped pages where they can (ReadOptions says what that asks of the file).
/// A file that is not what it claims to be is an IoError, before anything is allocated for its tensors.
inline Safetensors read_safetensors(const std::string& path, ReadOptions options = {}) {
  const detail::FileSource file(path, options);
  std::uint64_t length = 0;
  if (file.size() < 8) shunt::detail::raise_io(path, "is too short for a safetensors file");
  file.read(0, &length, 8);
  if (length > detail::max_safetensors_header || length > file.size() - 8)
    shunt::detail::raise_io(path, "claims a header of ", length, " bytes in a file of ", file.size());
  std::string text(length, '\0');
  file.read(8, text.data(), length);
  detail::SafetensorsHeader header(path);
  if (text.empty() || text[0] != '{') shunt::detail::raise_io(path, "its header does not begin with '{'");
  nlohmann::json::sax_parse(text, &header);
  header.check(file.size() - 8 - length);
  Safetensors found;
  found.metadata = std::move(header.metadata);
  for (const auto& t : header.tensors)
    found.tensors.set(t.name, detail::read_elements(file, 8 + length + t.begin, t.element, Shape(t.shape)));
  return found;
}

/// The tensors of one file; or those of all the files beside a Hugging Face index, model.safetensors.index.json, in the
/// order of their names. A tensor that is not in the file that the index names for it, or in another too, is an
/// IoError.
inline StateDict load_safetensors(const std::string& path, ReadOptions options = {}) {
  if (!path.ends_with(".index.json")) return read_safetensors(path, options).tensors;
  const auto index = detail::read_safetensors_index(path);
  StateDict all;
  for (const auto& [name, file] : index) all.set(name, {});
  for (const auto& file : detail::shards_of(index)) {
    const auto shard = read_safetensors(detail::beside(path, file), options).tensors;
    for (const auto& [name, tensor] : shard) {
      const auto wanted = index.find(name);
      if (wanted == index.end())
        shunt::detail::raise_io(path, "does not list the tensor '", name, "' that stands in ", file);
      if (wanted->second != file)
        shunt::detail::raise_io(path, "lists the tensor '", name, "' in ", wanted->second, ", and ", file, " has it");
      all.set(name, tensor);
    }
  }
  for (const auto& [name, tensor] : all)
    if (!tensor.defined())
      shunt::detail::raise_io(path, "lists the tensor '", name, "' in ", index.find(name)->second,
                              ", which does not have it");
  return all;
}

}  // namespace shunt::io
