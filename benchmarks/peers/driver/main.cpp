// Runs the same cases in all libraries that were built, round by round, and prints one table.
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "layers.hpp"
#include "nets.hpp"
#include "peak.hpp"
#include "table.hpp"
#include "worker.hpp"

namespace peers {
namespace {

struct Options {
  std::string filter, csv, markdown, svg;
  std::vector<int> threads{1, 2};
  std::vector<std::string> libraries{"shunt", "torch", "onnxruntime", "onednn", "openblas", "eigen", "dlib"};
  int rounds = 7;
  double sample = 0.02;  ///< Seconds that one round of one library takes at least.
};

[[noreturn]] void usage(int status) {
  (status == 0 ? std::cout : std::cerr)
      << "peers [--threads 1,2] [--rounds 7] [--sample 0.02] [--libraries shunt,torch,..] [--csv FILE]\n"
         "      [--markdown FILE] [--svg FILE] [FILTER]     FILTER is a regular expression over the names of cases\n";
  std::exit(status);
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "-h" || option == "--help") usage(0);
    if (option.rfind("--", 0) != 0) {
      o.filter = option;
      continue;
    }
    if (++i == argc) usage(2);
    const std::string value = argv[i];
    if (option == "--csv") {
      o.csv = value;
    } else if (option == "--markdown") {
      o.markdown = value;
    } else if (option == "--svg") {
      o.svg = value;
    } else if (option == "--libraries") {
      o.libraries = split(value);
    } else if (option == "--rounds") {
      o.rounds = std::max(1, std::stoi(value));
    } else if (option == "--sample") {
      o.sample = std::stod(value);
    } else if (option == "--threads") {
      o.threads.clear();
      for (const auto& n : split(value)) o.threads.push_back(std::stoi(n));
    } else {
      usage(2);
    }
  }
  return o;
}

/// What the other libraries run fastest with. OpenBLAS does not know newer processors and would take kernels for older
/// ones. Threads that wait for work spin for a moment, as going to sleep at once costs some cases half their speed; and
/// no longer, since on a busy machine a spinning thread keeps the processor from the one that it waits for. Freed
/// memory stays in the process, in huge pages, instead of being fresh and cold at every large block.
void set_environment() {
  for (const char* name : {"OPENBLAS_L2_SIZE", "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"})
    unsetenv(name);
  if (shunt::kernels::runs(shunt::Isa::avx512)) setenv("OPENBLAS_CORETYPE", "SkylakeX", 1);
  unsetenv("OMP_WAIT_POLICY");
  setenv("GOMP_SPINCOUNT", "10000", 1);
  setenv("MALLOC_MMAP_MAX_", "0", 1);
  setenv("MALLOC_TRIM_THRESHOLD_", "1000000000000", 1);
  setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 1);
}

/// Multiply-adds from registers, FLOP/s of so many threads at once; the best of several short runs.
double peak(int threads) {
  using namespace shunt::kernels;
  double best = 0;
  for (int run = 0; run < 20; ++run) {
    std::vector<double> rates(static_cast<std::size_t>(threads));
    std::vector<std::thread> all;
    for (double& rate : rates)
      all.emplace_back([&rate] {
        const auto start = std::chrono::steady_clock::now();
        const double flops = by_isa(portable::multiply_add, avx2::multiply_add, avx512::multiply_add)(200000);
        rate = flops / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      });
    for (auto& thread : all) thread.join();
    double sum = 0;
    for (double rate : rates) sum += rate;
    best = std::max(best, sum);
  }
  return best;
}

struct Case {
  std::string name;
  double flops;
};
std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (const auto& g : gemms()) all.push_back({g.name, g.flops()});
  for (const auto& c : convs()) all.push_back({c.name, c.flops()});
  for (const auto& l : layers()) all.push_back({l.name, l.flops()});
  for (const char* name : optimizers) all.push_back({name, 0});
  for (const bool training : {true, false}) {
    const auto add = [&](const std::string& name, Int batch, const auto& net) {
      all.push_back({(training ? "train/" : "infer/") + name, training ? 3 * net.flops(batch) : net.flops(1)});
    };
    for (const auto& m : mlps()) add(m.name(), mlp_batch, m);
    for (const auto& c : cifars()) add(c.name(), c.batch, c);
    for (const auto& t : transformers()) add(t.name, t.batch, t);
    for (const auto& n : imagenets()) add(n.name(), imagenet_batch, n);
    for (const auto& u : unets()) add(u.name(), u.batch, u);
  }
  all.push_back({"infer/gpt2", gpt2().flops(1)});
  all.push_back({"generate/gpt2", 0});
  return all;
}

using Workers = std::vector<std::unique_ptr<Worker>>;

/// Libraries must agree on a case's result, where they sum it up.
void compare(const Workers& workers, const std::vector<bool>& has, const Row& row, double first) {
  for (std::size_t i = 0; i < workers.size(); ++i) {
    const double sum = workers[i]->checksum;
    if (!has[i] || std::isnan(sum) || std::abs(sum - first) <= 1e-3 * std::abs(first) + 1e-3) continue;
    std::cerr << row.name << ": " << workers[i]->name << " computes " << sum << ", not " << first << '\n';
  }
}

void measure(Workers& workers, Row& row, const Options& o) {
  std::vector<bool> has(workers.size());
  std::vector<std::int64_t> repetitions(workers.size(), 1);
  row.times.assign(workers.size(), {});
  double first = NAN;
  for (std::size_t i = 0; i < workers.size(); ++i) {
    auto& w = *workers[i];
    has[i] = w.prepare(row.name, row.threads);
    row.times[i].note = w.note;
    if (!has[i]) continue;
    if (std::isnan(first)) first = w.checksum;
    double time = w.run(1);
    while (time * static_cast<double>(repetitions[i]) < o.sample / 4)  // what one repetition takes is known better now
      time = w.run(repetitions[i] *= 4) / static_cast<double>(repetitions[i]);
    repetitions[i] = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(o.sample / time)));
  }
  compare(workers, has, row, first);
  for (int round = 0; round < o.rounds; ++round)
    for (std::size_t k = 0; k < workers.size(); ++k) {
      const std::size_t i = (k + static_cast<std::size_t>(round)) % workers.size();
      if (!has[i]) continue;
      row.times[i].rounds.push_back(workers[i]->run(repetitions[i]) / static_cast<double>(repetitions[i]));
      row.times[i].interrupted += workers[i]->interrupted;
    }
  for (auto& t : row.times) std::sort(t.rounds.begin(), t.rounds.end());
}

std::string summary(const Row& row, const Workers& workers) {
  std::string text = row.name + ", " + std::to_string(row.threads) + (row.threads == 1 ? " thread:" : " threads:");
  for (std::size_t i = 0; i < workers.size(); ++i)
    if (row.times[i].measured()) text += " " + workers[i]->name + " " + time_text(row.times[i].median());
  return text;
}

int run(const Options& o, const std::string& folder) {
  set_environment();
  setenv("PEERS_MODELS", (folder + "/models").c_str(), 1);
  Table table;
  Workers workers;
  for (const auto& library : o.libraries) {
    const auto program = folder + "/peer_" + library;
    if (access(program.c_str(), X_OK) != 0) continue;
    workers.push_back(std::make_unique<Worker>(library, program));
    table.libraries.push_back(library);
    table.head.push_back(workers.back()->about());
  }
  if (workers.empty()) throw std::runtime_error("no worker lies in " + folder);
  std::vector<double> peaks;
  for (int threads : o.threads) {
    peaks.push_back(peak(threads));
    std::ostringstream text;
    text << "multiply-adds, " << threads << (threads == 1 ? " thread: " : " threads: ")
         << std::llround(peaks.back() * 1e-9) << " GFLOP/s";
    table.head.push_back(text.str());
  }

  table.head.push_back("medians of " + std::to_string(o.rounds) +
                       " interleaved rounds; ~ marks rows in which other processes took the processors");

  std::vector<Case> cases;
  const std::regex filter(o.filter);
  for (const auto& c : all_cases())
    if (std::regex_search(c.name, filter)) cases.push_back(c);
  const bool terminal = isatty(STDERR_FILENO) != 0;
  std::size_t done = 0;
  std::ofstream csv;
  if (!o.csv.empty()) csv.open(o.csv), table.csv(csv);
  for (const auto& c : cases)
    for (std::size_t t = 0; t < o.threads.size(); ++t) {
      Row row{c.name, o.threads[t], c.flops, peaks[t], {}};
      if (terminal) std::cerr << "\r\033[K[" << ++done << '/' << cases.size() * o.threads.size() << "] " << c.name;
      measure(workers, row, o);
      for (int again = 0; again < 2 && row.busy(); ++again) sleep(5), measure(workers, row, o);
      bool any = false;
      for (const auto& times : row.times) any = any || times.measured();
      if (!any) continue;
      if (!terminal) std::cerr << summary(row, workers) << '\n';
      if (csv.is_open()) table.csv(csv, row), csv.flush();  // so that an early end loses nothing
      table.rows.push_back(std::move(row));
    }
  if (terminal) std::cerr << "\r\033[K";
  table.print(std::cout);
  if (!o.markdown.empty()) {
    std::ofstream file(o.markdown);
    table.markdown(file);
  }
  if (!o.svg.empty()) {
    std::ofstream file(o.svg);
    table.svg(file);
  }
  return 0;
}

}  // namespace
}  // namespace peers

int main(int argc, char** argv) {
  try {
    const std::string program = argv[0];
    const auto slash = program.rfind('/');
    return peers::run(peers::parse(argc, argv), slash == std::string::npos ? "." : program.substr(0, slash));
  } catch (const std::exception& e) {
    std::cerr << "peers: " << e.what() << '\n';
    return 1;
  }
}
