// A file as the source of tensors, whose pages they may lie in.
#pragma once

#include <sys/mman.h>

#include "shunt/io/elements.hpp"

namespace shunt::io::detail {

/// A file's pages, private to this process: copied by the system where they are written.
class Mapping : public shunt::detail::Memory {
 public:
  Mapping(void* data, std::size_t size) : data_(data), size_(size) {}
  ~Mapping() override { ::munmap(data_, size_); }
  unsigned char* data() const { return static_cast<unsigned char*>(data_); }

 private:
  void* data_;
  std::size_t size_;
};

/// An open file, mapped if that is asked for and the system can do it.
class FileSource : public Source {
 public:
  FileSource(const std::string& file_path, ReadOptions options) : file_(file_path) {
    if (!options.map || file_.size() == 0) return;
    int flags = MAP_PRIVATE;
#ifdef MAP_NORESERVE
    flags |= MAP_NORESERVE;  // few pages are ever written
#endif
    const auto size = static_cast<std::size_t>(file_.size());
    void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, file_.descriptor(), 0);
    if (data != MAP_FAILED) mapping_ = shunt::detail::Ref<Mapping>(new Mapping(data, size));
  }

  const std::string& path() const override { return file_.path(); }
  std::uint64_t size() const { return file_.size(); }
  /// IoError if the file ends before.
  void read(std::uint64_t offset, void* to, std::uint64_t n) const override { file_.read(offset, to, n); }
  Place place(std::uint64_t offset) const override {
    if (!mapping_) return {};
    return {shunt::detail::Storage::within(shunt::detail::Ref<shunt::detail::Memory>(mapping_.get())),
            mapping_->data() + offset};
  }

 private:
  shunt::detail::InputFile file_;
  shunt::detail::Ref<Mapping> mapping_;
};

}  // namespace shunt::io::detail
