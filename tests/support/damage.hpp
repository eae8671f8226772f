// Files that are not what they claim to be: every truncation of a good one, and random changes of its bytes.
#pragma once

#include <random>
#include <string>

#include "shunt/core/error.hpp"
#include "shunt/core/pool.hpp"
#include "support/catch.hpp"
#include "support/temp_folder.hpp"

/// Reads damaged copies of `good` with `read(path)`: each must be read or be an IoError that names the file, and take
/// no more memory for tensors than a few times its own size. Every truncation and every addition must be an error.
template <class Read>
void check_damage(const std::string& good, const Read& read, int changes = 1500) {
  const TempFolder folder;
  const auto refused = [&](const std::string& bytes) {
    const auto path = folder.file("damaged", bytes);
    const auto before = shunt::memory_stats().live;
    shunt::reset_peak_memory();
    bool error = false;
    try {
      read(path);
    } catch (const shunt::IoError& e) {
      error = std::string(e.what()).find(path) != std::string::npos;
      if (!error) FAIL("the error does not name the file: " << e.what());
    }
    const auto taken = shunt::memory_stats().peak - before;
    if (taken > static_cast<std::int64_t>(16 * bytes.size() + 16384))
      FAIL("took " << taken << " bytes for " << bytes.size());
    return error;
  };
  CHECK_FALSE(refused(good));
  int accepted = 0;
  for (std::size_t n = 0; n < good.size(); n += n < 600 ? 1 : 97) accepted += !refused(good.substr(0, n));
  CHECK(accepted == 0);
  CHECK(refused(good + '\0'));
  std::mt19937 random(1);
  for (int i = 0; i < changes; ++i) {
    auto bad = good;
    for (auto k = 1 + random() % 3; k > 0; --k)
      bad[random() % std::min<std::size_t>(bad.size(), 300)] = static_cast<char>(random());
    refused(bad);
  }
  for (int i = 0; i < 200; ++i) {
    std::string noise(random() % 300, '\0');
    for (auto& c : noise) c = static_cast<char>(random());
    refused(noise);
  }
}
