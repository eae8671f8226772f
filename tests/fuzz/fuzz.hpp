// Readers against files that are nearly good: mutated copies of good ones, as many as the time allows.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "shunt/core/error.hpp"
#include "shunt/core/pool.hpp"
#include "support/content.hpp"
#include "support/temp_folder.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define SHUNT_FUZZ_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SHUNT_FUZZ_ASAN 1
#endif
#endif

extern "C" {
#ifdef SHUNT_FUZZ_ASAN
// One request of more than this is a file's lie that was believed.
[[gnu::used]] inline const char* __asan_default_options() { return "max_allocation_size_mb=512:detect_leaks=1"; }
[[gnu::used]] inline const char* __ubsan_default_options() { return "abort_on_error=1:print_stacktrace=1"; }
#endif
[[gnu::weak]] void __sanitizer_set_death_callback(void (*)());
}

namespace fuzz {

using Files = std::vector<std::string>;

/// Good files of tests/reference/files; run from the repository's root, or say where that is with SHUNT_SOURCE_DIR.
inline Files reference_files(std::initializer_list<const char*> names) {
#ifdef SHUNT_SOURCE_DIR
  const std::string root = SHUNT_SOURCE_DIR "/";
#else
  const std::string root;
#endif
  Files files;
  for (const std::string name : names) {
    files.push_back(content_of(root + "tests/reference/files/" + name));
    if (!files.back().empty()) continue;
    std::fprintf(stderr, "fuzz: there is no tests/reference/files/%s\n", name.c_str());
    std::exit(2);
  }
  return files;
}

/// A reader that the program has, by name: what follows the name on the command line goes to `run`.
struct Target {
  const char* name;
  int (*run)(int argc, char** argv);

  Target(const char* n, int (*f)(int, char**)) : name(n), run(f) { all().push_back(*this); }
  static std::vector<Target>& all() {
    static std::vector<Target> targets;
    return targets;
  }
};

struct Options {
  std::string name = "input";           ///< What the file is called, where a reader goes by its ending.
  std::vector<std::string> words = {};  ///< Pieces of the format, put into files at random.
  std::int64_t memory = 16;             ///< Bytes of tensors allowed for each byte of the file, beside 1 MiB.
  std::size_t size = 1 << 16;           ///< Longest file.
  unsigned seconds = 20;                ///< Longest time for one file.
};

/// Takes one good file and changes it in a few places; the same numbers give the same changes.
class Mutator {
 public:
  Mutator(const Files& seeds, const Options& options, std::uint64_t seed, std::uint64_t index)
      : seeds_(seeds), options_(options), random_(seed * 0x9e3779b97f4a7c15u + index) {}

  std::string make() {
    file_ = seeds_[below(seeds_.size())];
    for (auto n = 1 + below(4); n > 0; --n) change();
    if (file_.size() > options_.size) file_.resize(options_.size);
    return std::move(file_);
  }

 private:
  std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random_() % n); }
  /// Mostly near the beginning, where formats keep what describes the rest; often near the end, where zip does.
  std::size_t place() {
    const auto n = file_.size();
    switch (below(4)) {
      case 0: return below(std::min<std::size_t>(n, 64));
      case 1: return n - below(std::min<std::size_t>(n, 128));
      default: return below(n + 1);
    }
  }
  std::string piece(const std::string& from) {
    const auto at = below(from.size() + 1);
    return from.substr(at, below(std::min<std::size_t>(from.size() - at, 64) + 1));
  }
  void overwrite(std::size_t at, const std::string& bytes) {
    if (at < file_.size()) file_.replace(at, std::min(bytes.size(), file_.size() - at), bytes);
  }
  /// A number at the edge of what some width holds, in 1 to 8 bytes of either order.
  std::string edge() {
    constexpr std::uint64_t values[] = {0,          1,           0x7f,        0x80,       0xff,
                                        0x7fff,     0x8000,      0xffff,      0x7fffffff, 0x80000000,
                                        0xffffffff, 0x100000000, 1ull << 56,  1ull << 62, 1ull << 63,
                                        ~0ull,      ~0ull >> 1u, ~0ull - 255, 1ull << 40, 0xfffffffe};
    auto v = values[below(std::size(values))];
    std::string bytes(std::size_t{1} << below(4), '\0');
    for (auto& c : bytes) c = static_cast<char>(v), v >>= 8;
    return below(4) == 0 ? std::string(bytes.rbegin(), bytes.rend()) : bytes;
  }
  /// A number in decimal digits becomes another.
  void renumber() {
    const auto at = file_.find_first_of("0123456789", place());
    if (at == std::string::npos) return;
    const auto end = std::min(file_.find_first_not_of("0123456789", at), file_.size());
    const char* numbers[] = {"0",
                             "1",
                             "-1",
                             "2147483648",
                             "4294967296",
                             "4611686018427387904",
                             "9223372036854775808",
                             "18446744073709551615",
                             "99999999999999999999999",
                             "1e308",
                             "0.5",
                             "7"};
    file_.replace(at, end - at, numbers[below(std::size(numbers))]);
  }
  void change() {
    const auto at = place();
    switch (below(12)) {
      case 0: overwrite(at, std::string(1, static_cast<char>(random_()))); break;
      case 1:
        if (at < file_.size()) file_[at] = static_cast<char>(file_[at] ^ (1 << below(8)));
        break;
      case 2: overwrite(at, edge()); break;
      case 3: renumber(); break;
      case 4: file_.resize(at); break;
      case 5: file_.erase(at, 1 + below(16)); break;
      case 6: file_.insert(at, std::string(1 + below(8), static_cast<char>(random_()))); break;
      case 7: file_.insert(at, piece(file_)); break;
      case 8: overwrite(at, piece(seeds_[below(seeds_.size())])); break;
      case 9: {  // the beginning of one file before the end of another
        const auto& other = seeds_[below(seeds_.size())];
        file_ = file_.substr(0, at) + other.substr(below(other.size() + 1));
        break;
      }
      default:
        if (options_.words.empty()) return overwrite(at, edge());
        if (const auto& word = options_.words[below(options_.words.size())]; below(2) == 0)
          file_.insert(at, word);
        else
          overwrite(at, word);
    }
  }

  const Files& seeds_;
  const Options& options_;
  std::mt19937_64 random_;
  std::string file_;
};

/// What to say of a file on which the process ends.
inline char last_words[4096] = "";
inline void say_last_words() { (void)!::write(2, last_words, std::strlen(last_words)); }

/// One file: it is read, or refused with an Error.
template <class Read>
bool try_file(const std::string& path, std::size_t size, const Read& read, const Options& options) {
  const auto before = shunt::memory_stats().live;
  shunt::reset_peak_memory();
  ::alarm(options.seconds);
  bool accepted = false;
  try {
    read(path);
    accepted = true;
  } catch (const shunt::Error&) {
  } catch (const std::exception& e) {
    std::fprintf(stderr, "fuzz: something else than an Error came out: %s\n", e.what());
    std::abort();
  }
  ::alarm(0);
  const auto taken = shunt::memory_stats().peak - before;
  if (taken > options.memory * static_cast<std::int64_t>(size) + (1 << 20)) {
    std::fprintf(stderr, "fuzz: tensors took %lld bytes for a file of %zu\n", static_cast<long long>(taken), size);
    std::abort();
  }
  return accepted;
}

/// `TARGET [SECONDS [SEED]]` reads mutated copies of `seeds`, which must be good files, with `read(path)`; `TARGET
/// FILE..` reads these files. Only shunt::Error may come out, in bounded time and memory. When the process ends
/// otherwise, the file stays and its path is printed.
template <class Read>
int run(int argc, char** argv, const Files& seeds, const Read& read, const Options& options = {}) {
  const TempFolder folder;
  const auto load = [&](const std::string& path, const std::string& content, const std::string& what) {
    std::snprintf(last_words, sizeof last_words, "fuzz: %s: replay with: %s %s\n", what.c_str(), argv[0], path.c_str());
    return try_file(path, content.size(), read, options);
  };
  if (&__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(say_last_words);
  for (const int s : {SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGSEGV, SIGILL}) {
#ifdef SHUNT_FUZZ_ASAN
    if (s == SIGSEGV || s == SIGBUS || s == SIGFPE || s == SIGILL) continue;  // the sanitizer's own
#endif
    std::signal(s, [](int n) {
      say_last_words();
      std::_Exit(128 + n);
    });
  }
#ifndef SHUNT_FUZZ_ASAN
  const rlimit space{rlim_t{4} << 30, rlim_t{4} << 30};
  ::setrlimit(RLIMIT_AS, &space);
#endif

  char* end = nullptr;
  const double seconds = argc > 1 ? std::strtod(argv[1], &end) : 10;
  if (argc > 1 && *end != '\0') {
    for (int i = 1; i < argc; ++i) {
      const bool accepted = load(argv[i], content_of(argv[i]), "a given file");
      std::printf("%s: %s\n", argv[i], accepted ? "read" : "refused");
    }
    return 0;
  }
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : std::random_device()();
  std::printf("%s: seed %llu\n", argv[0], static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  for (const auto& good : seeds) {
    const auto path = folder.file(options.name, good);
    if (load(path, good, "a good file")) continue;
    std::fprintf(stderr, "fuzz: a good file is refused\n");
    std::abort();
  }
  std::uint64_t count = 0, accepted = 0;
  using Clock = std::chrono::steady_clock;
  const auto stop = Clock::now() + std::chrono::duration<double>(seconds);
  for (; Clock::now() < stop; ++count) {
    const auto bad = Mutator(seeds, options, seed, count).make();
    const auto path = folder.file(options.name, bad);
    accepted += load(path, bad, "file " + std::to_string(count) + " of seed " + std::to_string(seed));
  }
  std::printf("%s: %llu files, %llu of them read, the rest refused\n", argv[0], static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(accepted));
  return 0;
}

}  // namespace fuzz
