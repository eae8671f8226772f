// Normalisation for one instruction set; see norm.hpp.
#include "shunt/kernels/norm_loops.inl"

#include "shunt/kernels/norm_columns.inl"
#include "shunt/kernels/norm_rows.inl"
#include "shunt/kernels/norm_runs.inl"
