// Square roots of a block of float or double; `out` may be `in`. sqrt() may set errno, which keeps compilers from
// making vectors of a loop around it; so loops that need roots take those of a whole block here.
#pragma once

#include "shunt/kernels/blocks.hpp"
#include "shunt/kernels/math.hpp"

#define SHUNT_KERNEL_BODY "shunt/kernels/roots.inl"
#include "shunt/kernels/foreach_isa.hpp"
