// Files open for reading, with the errors that readers of every format share.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "shunt/core/error.hpp"

namespace shunt::detail {

/// IoError `path: reason`.
template <class... Parts>
[[noreturn]] void raise_io(const std::string& path, const Parts&... reason) {
  raise<IoError>(path, ": ", reason...);
}
[[noreturn, gnu::cold]] inline void raise_errno(const std::string& path, const char* doing) {
  const int code = errno;
  raise_io(path, doing, ": ", std::strerror(code));
}

/// A regular file whose size is known, so that nothing is allocated for bytes that it does not have.
class InputFile {
 public:
  explicit InputFile(std::string path) : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) raise_errno(path_, "cannot open");
    struct stat info {};
    const bool known = ::fstat(fd_, &info) == 0;
    if (known && S_ISREG(info.st_mode)) {
      size_ = static_cast<std::uint64_t>(info.st_size);
      return;
    }
    ::close(fd_);
    raise_io(path_, known && S_ISDIR(info.st_mode) ? "is a folder" : "is not a regular file");
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile() { ::close(fd_); }

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  int descriptor() const { return fd_; }
  /// n bytes from `offset` on; IoError if the file ends before.
  void read(std::uint64_t offset, void* to, std::uint64_t n) const {
    auto* out = static_cast<unsigned char*>(to);
    while (n > 0) {
      const auto got =
          ::pread(fd_, out, static_cast<std::size_t>(std::min<std::uint64_t>(n, 1u << 30)), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) raise_errno(path_, "cannot read");
      if (got == 0) raise_io(path_, "ends at byte ", offset, ", ", n, " more were expected");
      out += got;
      offset += static_cast<std::uint64_t>(got);
      n -= static_cast<std::uint64_t>(got);
    }
  }

 private:
  std::string path_;
  int fd_;
  std::uint64_t size_ = 0;
};

}  // namespace shunt::detail
