// Elementwise operations: arithmetic, powers, elementary functions, bounds.
#pragma once

#include "shunt/ops/arithmetic.hpp"
#include "shunt/ops/bounds.hpp"
#include "shunt/ops/elementary.hpp"
#include "shunt/ops/power.hpp"
