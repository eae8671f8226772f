// Files that are written whole or not at all.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "shunt/core/file.hpp"

namespace shunt::io {

/// Takes what shall stand at `path`. Until commit() the old file is untouched; without commit() nothing is left behind.
/// The bytes go to a file in the same folder that has no name (where the system can do that, even a killed process
/// leaves nothing), which is flushed to disk and then renamed. A link is followed. Failures are IoErrors.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path) : path_(followed(path)) {
    const auto slash = path_.rfind('/');
    folder_ = slash == std::string::npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
#ifdef O_TMPFILE
    fd_ = ::open(folder_.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    if (fd_ < 0 && errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL)
      shunt::detail::raise_errno(path_, "cannot create a file in its folder");
#endif
    if (fd_ < 0) create_named();
    struct stat old {};
    if (::stat(path_.c_str(), &old) == 0 && ::fchmod(fd_, old.st_mode & 07777) != 0) fail("cannot set its permissions");
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() { drop(); }

  void write(const void* data, std::size_t n) {
    const auto* p = static_cast<const char*>(data);
    while (n > 0) {
      const auto done = ::write(fd_, p, std::min<std::size_t>(n, 1u << 30));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) fail("cannot write");
      p += done;
      n -= static_cast<std::size_t>(done);
    }
  }
  /// Puts the file in place, on the disk.
  void commit() {
    if (::fsync(fd_) != 0) fail("cannot flush to disk");
    if (temporary_.empty()) give_name();
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot rename into place");
    temporary_.clear();
    ::close(std::exchange(fd_, -1));
    const int folder = ::open(folder_.c_str(), O_RDONLY | O_CLOEXEC);
    if (folder < 0) return;  // a folder that may not be read: the file itself is safe
    const bool flushed = ::fsync(folder) == 0 || errno == EINVAL || errno == EROFS;
    const int code = errno;
    ::close(folder);
    errno = code;
    if (!flushed) shunt::detail::raise_errno(folder_, "cannot flush to disk");
  }

 private:
  static std::string followed(const std::string& path) {
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
    return real ? std::string(real.get()) : path;
  }
  void create_named() {
    temporary_ = path_ + ".tmp-XXXXXX";
    fd_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
    if (fd_ < 0) {
      temporary_.clear();
      shunt::detail::raise_errno(path_, "cannot create a file in its folder");
    }
    const auto mask = ::umask(0);
    ::umask(mask);
    if (::fchmod(fd_, 0666 & ~mask) != 0) fail("cannot set its permissions");
  }
  void give_name() {
    const auto here = "/proc/self/fd/" + std::to_string(fd_);
    const auto stem = path_ + ".tmp-" + std::to_string(::getpid()) + "-";
    for (int i = 0; i < 1000; ++i) {
      const auto name = stem + std::to_string(i);
      if (::linkat(AT_FDCWD, here.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
        temporary_ = name;
        return;
      }
      if (errno != EEXIST) break;
    }
    fail("cannot give the new file a name");
  }
  void drop() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
    temporary_.clear();
  }
  [[noreturn, gnu::cold]] void fail(const char* doing) {
    const int code = errno;
    drop();
    errno = code;
    shunt::detail::raise_errno(path_, doing);
  }

  std::string path_, folder_, temporary_;
  int fd_ = -1;
};

}  // namespace shunt::io
