// Results, and the ways to print them.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace peers {

/// Seconds of one repetition in each round, the shortest first; empty where the library does not have the case.
struct Times {
  std::vector<double> rounds{};
  std::string note{};
  std::size_t interrupted = 0;  ///< Rounds in which other processes took much of the time.
  bool busy() const { return 2 * interrupted > rounds.size(); }
  bool measured() const { return !rounds.empty(); }
  double median() const { return rounds[rounds.size() / 2]; }
};

struct Row {
  std::string name;
  int threads;
  double flops, peak;        ///< Of one repetition, where known, and the machine's per second with these threads.
  std::vector<Times> times;  ///< One for each library, ours first.

  /// The fastest other library's place; 0 if there is none.
  std::size_t best() const;
  /// Whether the machine was too busy to believe the row.
  bool busy() const;
  /// How many times longer than ours the fastest other library takes; NaN if there is none.
  double ratio() const;
};

struct Table {
  std::vector<std::string> head;       ///< Lines about the machine and the libraries.
  std::vector<std::string> libraries;  ///< Ours first.
  std::vector<Row> rows;

  void print(std::ostream& os) const;
  void markdown(std::ostream& os) const;
  /// Bars of the ratios, on a logarithmic scale around 1; a case has one bar for each number of threads.
  void svg(std::ostream& os) const;
  /// The titles, and the lines of a row, one for each library.
  void csv(std::ostream& os) const;
  void csv(std::ostream& os, const Row& row) const;
};

/// Three digits and a unit.
std::string time_text(double seconds);

}  // namespace peers
