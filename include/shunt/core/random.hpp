// Random numbers from a counter: element i of a draw is a function of (seed, position + i) alone, so a mask can be
// recomputed instead of stored and is the same for any number of threads.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace shunt {

/// A place in the random sequence; block(i) gives 128 bits that depend on seed, position and i only.
struct RandomStream {
  std::uint64_t seed = 0, position = 0;

  /// Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
  std::array<std::uint32_t, 4> block(std::uint64_t i) const {
    const std::uint64_t at = position + i;
    std::uint32_t c0 = static_cast<std::uint32_t>(at), c1 = static_cast<std::uint32_t>(at >> 32), c2 = 0, c3 = 0;
    std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p = std::uint64_t{0xD2511F53u} * c0, q = std::uint64_t{0xCD9E8D57u} * c2;
      c0 = static_cast<std::uint32_t>(q >> 32) ^ c1 ^ k0;
      c2 = static_cast<std::uint32_t>(p >> 32) ^ c3 ^ k1;
      c1 = static_cast<std::uint32_t>(q);
      c3 = static_cast<std::uint32_t>(p);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    return {c0, c1, c2, c3};
  }
};

/// A seeded sequence. Every function that draws takes one and uses the process's generator() by default.
class Generator {
 public:
  explicit Generator(std::uint64_t seed = 0) : seed_(seed) {}
  Generator(const Generator& o) : seed_(o.seed_.load()), position_(o.position_.load()) {}
  Generator& operator=(const Generator& o) {
    set_state(o.state());
    return *this;
  }

  void manual_seed(std::uint64_t seed) { set_state({seed, 0}); }
  /// Takes `blocks` of 128 bits off the sequence.
  RandomStream reserve(std::uint64_t blocks) { return {seed_.load(), position_.fetch_add(blocks)}; }

  RandomStream state() const { return {seed_.load(), position_.load()}; }
  void set_state(RandomStream s) {
    seed_.store(s.seed);
    position_.store(s.position);
  }

 private:
  std::atomic<std::uint64_t> seed_, position_ = 0;
};

/// The process's generator. Seeded with 0 at start: a program that never seeds is reproducible too.
inline Generator& generator() {
  static Generator* g = new Generator;
  return *g;
}
/// Restarts the process's generator.
inline void manual_seed(std::uint64_t seed) { generator().manual_seed(seed); }

}  // namespace shunt
