// NumPy's .npz files: arrays by name, each as a .npy in a zip archive.
#pragma once

#include "shunt/io/npy.hpp"
#include "shunt/io/zip.hpp"
#include "shunt/io/zip_writer.hpp"

namespace shunt::io {

struct NpzOptions {
  bool compress = false;  ///< As numpy.savez_compressed does; stored content can be mapped.
};

/// Writes the dict as one archive, whole or not at all (AtomicFile). npy has no bfloat16: a ValueError.
inline void save_npz(const std::string& path, const StateDict& dict, NpzOptions options = {}) {
  std::vector<std::string> starts;
  for (const auto& entry : dict) starts.push_back(detail::npy_start("save_npz", entry.second));
  detail::ZipWriter file(path);
  auto start = starts.begin();
  for (const auto& [name, tensor] : dict) {
    const auto bytes =
        detail::element_size(detail::element_of(tensor.dtype())) * static_cast<std::uint64_t>(tensor.numel());
    file.add(name + ".npy", start->size() + bytes, options.compress, [&, &x = tensor](const auto& take) {
      take(start->data(), start->size());
      detail::visit_bytes(x, take);
    });
    ++start;
  }
  file.commit();
}

/// The arrays in the archive's order, each as load_npy gives it; those that are stored and aligned lie in the file's
/// mapped pages (ReadOptions). A file that is not what it claims to be is an IoError.
inline StateDict load_npz(const std::string& path, ReadOptions options = {}) {
  const detail::ZipFile zip(path, options);
  StateDict found;
  for (const auto& entry : zip.entries()) {
    if (!entry.name.ends_with(".npy")) shunt::detail::raise_io(path, "'", entry.name, "' is not an array");
    const auto content = zip.read(entry);
    Element element;
    const auto name = std::string_view(entry.name).substr(0, entry.name.size() - 4);
    found.set(name, detail::read_npy(content, content.size(), element));
  }
  return found;
}

}  // namespace shunt::io
