#include "shunt/io/atomic_file.hpp"

#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>

#include "support/catch.hpp"
#include "support/reason.hpp"
#include "support/temp_folder.hpp"

using namespace shunt;

namespace {

/// While it lives, no file of this process can grow beyond n bytes: a full disk.
class FileLimit {
 public:
  explicit FileLimit(rlim_t n) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit now = before_;
    now.rlim_cur = n;
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;
  ~FileLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

bool has_unnamed_files(const TempFolder& folder) {
  const int fd = ::open(folder.path().c_str(), O_TMPFILE | O_WRONLY, 0600);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

}  // namespace

TEST_CASE("a file appears whole, and replaces the old one", "[io]") {
  const TempFolder folder;
  folder.file("x", "old");
  std::filesystem::permissions(folder.path("x"),
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  {
    io::AtomicFile file(folder.path("x"));
    file.write("new", 3);
    file.write(" text", 5);
    CHECK(folder.content("x") == "old");
    file.commit();
  }
  CHECK(folder.content("x") == "new text");
  CHECK(folder.files() == 1);
  using std::filesystem::perms;
  CHECK(std::filesystem::status(folder.path("x")).permissions() == (perms::owner_read | perms::owner_write));
}

TEST_CASE("without commit the old file stays, and nothing beside it", "[io]") {
  const TempFolder folder;
  folder.file("x", "old");
  { io::AtomicFile(folder.path("x")).write("new", 3); }
  CHECK(folder.content("x") == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("a link is followed", "[io]") {
  const TempFolder folder;
  folder.file("x", "old");
  std::filesystem::create_symlink("x", folder.path("link"));
  io::AtomicFile file(folder.path("link"));
  file.write("new", 3);
  file.commit();
  CHECK(folder.content("x") == "new");
  CHECK(std::filesystem::is_symlink(folder.path("link")));
}

TEST_CASE("a full disk leaves the old file, and an error that names it", "[io]") {
  const TempFolder folder;
  folder.file("x", "old");
  std::string error;
  {
    const FileLimit limit(1000);
    error = reason([&] {
      io::AtomicFile file(folder.path("x"));
      const std::string data(5000, 'x');
      file.write(data.data(), data.size());
      file.commit();
    });
  }
  CHECK_THAT(error, Catch::Contains(folder.path("x")) && Catch::Contains("cannot write"));
  CHECK(folder.content("x") == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("a killed process leaves the old file", "[io]") {
  const TempFolder folder;
  folder.file("x", "old");
  const auto child = ::fork();
  if (child == 0) {
    io::AtomicFile file(folder.path("x"));
    file.write("new", 3);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(folder.content("x") == "old");
  if (has_unnamed_files(folder))
    CHECK(folder.files() == 1);
  else
    WARN("this file system has no unnamed files: a killed process leaves a temporary file");
}

TEST_CASE("a folder that is not there, or is a file, is an error", "[io]") {
  const TempFolder folder;
  folder.file("x", "old");
  CHECK_THROWS_AS(io::AtomicFile(folder.path("none/y")), IoError);
  CHECK_THROWS_AS(io::AtomicFile(folder.path("x/y")), IoError);
  io::AtomicFile onto_folder(folder.path());
  CHECK_THROWS_AS(onto_folder.commit(), IoError);
  CHECK(folder.files() == 1);
}
