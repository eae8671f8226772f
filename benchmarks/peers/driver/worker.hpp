// A worker's process, and the lines that go to and fro.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace peers {

class Worker {
 public:
  std::string name;

  /// Starts the program, which gets this process's environment.
  Worker(std::string worker, std::string program);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  /// One line about the library.
  std::string about() { return ask("about"); }
  /// Whether the worker has the case, which is ready to run then.
  bool prepare(const std::string& name, int threads);
  /// Seconds that so many repetitions of the prepared case take: of up to five tries, until one is hardly interrupted
  /// by other processes.
  double run(std::int64_t repetitions);
  bool interrupted = false;  ///< Whether all tries of the last run were.

  double checksum = 0;  ///< Of the prepared case's result; NaN where it has none.
  std::string note;     ///< The way that the library takes, or why it takes none.

 private:
  std::string ask(const std::string& line);
  void start();
  void stop();

  std::string program_;
  pid_t process_ = 0;
  int to_ = -1, from_ = -1;
};

}  // namespace peers
