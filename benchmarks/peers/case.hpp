// What each worker has in common: cases by name, and the lines by which the driver runs them. C++17, since PyTorch's
// headers want no more.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <new>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace peers {

/// A case with its data in place.
struct Run {
  std::function<void()> once;          ///< What is timed.
  std::function<double()> checksum{};  ///< Of the result after once(); libraries must agree. Where it is cheap.
  std::string note{};                  ///< The way taken, where a library has several.
};
using Cases = std::map<std::string, std::function<Run()>>;

inline double seconds(const std::function<void()>& once, std::int64_t repetitions = 1) {
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < repetitions; ++i) once();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// How often the system gave this process's processors to another one.
inline long interruptions() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return use.ru_nivcsw;
}

/// The fastest of several ways to do the same: they take turns, and the best turn of each counts.
inline Run fastest(std::vector<Run> ways) {
  if (ways.empty()) return {};
  std::vector<double> least(ways.size(), HUGE_VAL);
  for (int turn = 0; ways.size() > 1 && turn < 6; ++turn)
    for (std::size_t i = 0; i < ways.size(); ++i) {
      const auto repetitions = turn == 0 ? 1 : static_cast<std::int64_t>(2e-3 / least[i]) + 1;
      least[i] = std::min(least[i], seconds(ways[i].once, repetitions) / static_cast<double>(repetitions) + 1e-9);
    }
  return std::move(ways[static_cast<std::size_t>(std::min_element(least.begin(), least.end()) - least.begin())]);
}

/// The same values in [-0.5, 0.5) in every library.
inline void fill(float* x, std::int64_t n, std::uint32_t seed) {
  for (std::int64_t i = 0; i < n; ++i) {
    seed = seed * 1664525U + 1013904223U;
    x[i] = static_cast<float>(seed >> 8) / 16777216.0F - 0.5F;
  }
}
/// Memory that begins on a cache line, as that of every library's own tensors does.
template <class T>
struct OnLines {
  using value_type = T;
  static constexpr std::align_val_t line{64};
  OnLines() = default;
  template <class U>
  OnLines(const OnLines<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), line)); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, line); }
  bool operator==(const OnLines&) const { return true; }
  bool operator!=(const OnLines&) const { return false; }
};
using Floats = std::vector<float, OnLines<float>>;
inline Floats filled(std::int64_t n, std::uint32_t seed) {
  Floats x(static_cast<std::size_t>(n));
  fill(x.data(), n, seed);
  return x;
}
/// A sum in which every element has a sign and weight of its own, so that a transposed result shows.
inline double checksum(const float* x, std::int64_t n) {
  double sum = 0;
  std::uint32_t seed = 7;
  for (std::int64_t i = 0; i < n; ++i) {
    seed = seed * 1664525U + 1013904223U;
    sum += static_cast<double>(x[i]) * (static_cast<double>(seed >> 8) / 16777216.0 - 0.5);
  }
  return sum;
}

/// Answers the driver until it says quit:
///   about                  -> one line about the library
///   prepare CASE THREADS   -> none | ready CHECKSUM NOTE
///   run REPETITIONS        -> SECONDS INTERRUPTIONS
inline int serve(const Cases& cases, const std::function<std::string()>& about,
                 const std::function<void(int)>& set_threads) {
  std::cout.precision(9);
  Run run;
  for (std::string line, word; std::getline(std::cin, line);) {
    std::istringstream in(line);
    in >> word;
    try {
      if (word == "quit") break;
      if (word == "about") {
        std::cout << about();
      } else if (word == "prepare") {
        std::string name;
        int threads = 1;
        in >> name >> threads;
        run = {};  // its memory is free before the next one's is taken
        set_threads(threads);
        if (const auto it = cases.find(name); it != cases.end()) run = it->second();
        if (run.once) {
          for (int warm = 0; warm < 2; ++warm) run.once();
          std::cout << "ready " << (run.checksum ? run.checksum() : NAN) << ' ' << run.note;
        } else {
          std::cout << "none";
        }
      } else if (word == "run") {
        std::int64_t repetitions = 1;
        in >> repetitions;
        const auto before = interruptions();
        std::cout << seconds(run.once, repetitions);
        std::cout << ' ' << interruptions() - before;
      }
    } catch (const std::exception& e) {
      const std::string what = e.what();
      std::cout << "none " << what.substr(0, what.find('\n'));
    }
    std::cout << std::endl;
  }
  run = {};
  std::cout.flush();
  std::quick_exit(0);
}

}  // namespace peers
