// The published networks and vocabularies that tests/reference/fetch_nets.sh brings: too large to be kept here.
#pragma once

#include <cstdlib>
#include <fstream>
#include <string>

#include "support/catch.hpp"

/// The folder with face/, sentence/ and gpt2/: SHUNT_NETS, or build/nets.
inline std::string nets_folder() {
  const char* folder = std::getenv("SHUNT_NETS");
  return folder != nullptr ? folder : SHUNT_SOURCE_DIR "/build/nets";
}
/// Whether `file` is there. Says how to get it if not.
inline bool has_net(const std::string& file) {
  if (std::ifstream(nets_folder() + "/" + file)) return true;
  WARN("skipped: run ./dev nets");
  return false;
}
