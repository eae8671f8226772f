// Progress: a bar that moves on a terminal, a line every tenth in a log.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

namespace shunt::insight {

/// Shows how far a loop of `total` steps has come, on stderr.
class Progress {
 public:
  Progress(std::string name, long total) : name_(std::move(name)), total_(total > 0 ? total : 1) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { finish(); }

  /// One more step is done; `note` stands behind the bar.
  void step(const std::string& note = {}) {
    ++done_;
    const long tenth = 10 * done_ / total_;
    const auto now = Clock::now();
    if (terminal_ ? now - shown_ > std::chrono::milliseconds(80) || done_ == total_ : tenth > tenth_) {
      shown_ = now;
      tenth_ = tenth;
      show(note);
    }
  }
  /// Ends the line.
  void finish() {
    if (terminal_ && open_) std::fputs("\r\033[K", stderr);
    open_ = false;
  }

 private:
  using Clock = std::chrono::steady_clock;

  void show(const std::string& note) {
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    const double left = seconds / static_cast<double>(done_) * static_cast<double>(total_ - done_);
    const int percent = static_cast<int>(100 * done_ / total_);
    if (terminal_) {
      const int cells = static_cast<int>(30 * done_ / total_);
      std::fprintf(stderr, "\r\033[K%s [%s%s] %3d%%  %.0f s left  %s", name_.c_str(),
                   std::string(static_cast<std::size_t>(cells), '#').c_str(),
                   std::string(static_cast<std::size_t>(30 - cells), '.').c_str(), percent, left, note.c_str());
      open_ = true;
    } else {
      std::fprintf(stderr, "%s %3d%%  %s\n", name_.c_str(), percent, note.c_str());
    }
    std::fflush(stderr);
  }

  std::string name_;
  long total_, done_ = 0, tenth_ = 0;
  bool terminal_ = isatty(2) != 0, open_ = false;
  Clock::time_point start_ = Clock::now(), shown_{};
};

}  // namespace shunt::insight
