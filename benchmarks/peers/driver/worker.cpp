#include "worker.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cmath>
#include <csignal>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace peers {

Worker::Worker(std::string worker, std::string program) : name(std::move(worker)), program_(std::move(program)) {
  std::signal(SIGPIPE, SIG_IGN);
  start();
}
Worker::~Worker() { stop(); }

void Worker::start() {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe for " + name);
  process_ = fork();
  if (process_ < 0) throw std::runtime_error("cannot start " + program_);
  if (process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // one that sleeps would not see its input end
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    execl(program_.c_str(), program_.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  to_ = in[1];
  from_ = out[0];
}

void Worker::stop() {
  if (process_ == 0) return;
  kill(process_, SIGCONT);
  close(to_);  // its input ends, and so does it
  close(from_);
  waitpid(process_, nullptr, 0);
  process_ = 0;
}

std::string Worker::ask(const std::string& line) {
  kill(process_, SIGCONT);
  const std::string all = line + "\n";
  if (write(to_, all.data(), all.size()) != static_cast<ssize_t>(all.size())) return "";
  std::string answer;
  for (char c; read(from_, &c, 1) == 1 && c != '\n';) answer += c;
  kill(process_, SIGSTOP);  // its threads may spin for work as long as they like, and disturb nobody
  return answer;
}

bool Worker::prepare(const std::string& case_name, int threads) {
  std::istringstream in(ask("prepare " + case_name + " " + std::to_string(threads)));
  std::string word, number;
  in >> word;
  if (word == "ready") in >> number;
  std::getline(in >> std::ws, note);
  if (word.empty()) {  // it broke down; the next case gets a new one
    stop();
    start();
    note = "broke down";
  }
  checksum = number.empty() ? NAN : std::stod(number);
  return word == "ready";
}

double Worker::run(std::int64_t repetitions) {
  double best = NAN;
  for (long least = LONG_MAX, round = 0; round < 5; ++round) {
    std::istringstream in(ask("run " + std::to_string(repetitions)));
    double time = NAN;
    long interruptions = 0;
    if (!(in >> time >> interruptions)) return NAN;
    if (interruptions < least) least = interruptions, best = time;
    interrupted = static_cast<double>(least) > 2 + 20 * best;
    if (!interrupted) break;
    usleep(100000);  // until the other process is done, perhaps
  }
  return best;
}

}  // namespace peers
