// CIFAR-10 and CIFAR-100 in their binary form (Krizhevsky 2009): labels of a byte each, then 3 x 32 x 32 bytes.
#pragma once

#include "shunt/data/bytes.hpp"
#include "shunt/ops/view.hpp"

namespace shunt::data {

struct Cifar10 {
  Tensor<std::uint8_t> images;  ///< (n, 3, 32, 32)
  Tensor<std::int64_t> labels;  ///< (n), below 10
};
struct Cifar100 {
  Tensor<std::uint8_t> images;         ///< (n, 3, 32, 32)
  Tensor<std::int64_t> labels;         ///< (n), below 100
  Tensor<std::int64_t> coarse_labels;  ///< (n), below 20
};

namespace detail {

/// Splits records of `labels` bytes, each below its limit, and an image. IoError for a file that is not made of them.
inline Tensor<std::uint8_t> split_cifar(const std::vector<Bytes>& files, std::initializer_list<int> limits,
                                        std::vector<Tensor<std::int64_t>>& labels) {
  constexpr std::size_t pixels = 3 * 32 * 32;
  const std::size_t record = limits.size() + pixels;
  std::size_t n = 0;
  for (const auto& file : files) {
    if (file.data.empty() || file.data.size() % record != 0)
      shunt::detail::raise_io(file.path, file.data.size(), " bytes are no whole number of records of ", record);
    n += file.data.size() / record;
  }
  const auto count = static_cast<std::int64_t>(n);
  for (std::size_t k = 0; k < limits.size(); ++k) labels.push_back(Tensor<std::int64_t>::empty({count}));
  auto images = Tensor<std::uint8_t>::empty({count, 3, 32, 32});
  std::size_t i = 0;
  for (const auto& file : files)
    for (std::size_t at = 0; at < file.data.size(); at += record, ++i) {
      const auto* p = file.data.data() + at;
      for (std::size_t k = 0; k < limits.size(); ++k, ++p) {
        if (*p >= limits.begin()[k])
          shunt::detail::raise_io(file.path, "record ", at / record, " has the label ", *p, " of ", limits.begin()[k]);
        labels[k].data()[i] = *p;
      }
      std::memcpy(images.data() + i * pixels, p, pixels);
    }
  return images;
}
inline std::vector<Bytes> read_files(const std::vector<std::string>& paths) {
  std::vector<Bytes> files;
  for (const auto& path : paths) files.push_back(read_file(path));
  return files;
}

}  // namespace detail

/// The records of all files, one after another.
inline Cifar10 load_cifar10(const std::vector<Bytes>& files) {
  std::vector<Tensor<std::int64_t>> labels;
  auto images = detail::split_cifar(files, {10}, labels);
  return {images, labels[0]};
}
inline Cifar10 load_cifar10(const std::vector<std::string>& paths) { return load_cifar10(detail::read_files(paths)); }
inline Cifar10 load_cifar10(const std::string& path) { return load_cifar10(std::vector{path}); }

inline Cifar100 load_cifar100(const std::vector<Bytes>& files) {
  std::vector<Tensor<std::int64_t>> labels;
  auto images = detail::split_cifar(files, {20, 100}, labels);
  return {images, labels[1], labels[0]};
}
inline Cifar100 load_cifar100(const std::string& path) { return load_cifar100(std::vector{read_file(path)}); }

}  // namespace shunt::data
