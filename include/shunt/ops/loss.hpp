// Losses.
#pragma once

#include "shunt/ops/cross_entropy.hpp"
