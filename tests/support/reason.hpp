// Why a file is refused.
#pragma once

#include <string>

#include "shunt/core/error.hpp"

/// What the IoError that f throws says; nothing where it throws none.
template <class F>
std::string reason(const F& f) {
  try {
    f();
  } catch (const shunt::IoError& e) { return e.what(); }
  return "";
}
