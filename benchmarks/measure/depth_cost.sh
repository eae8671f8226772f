#!/bin/sh
# The skip's cost in time and memory, and time against depth.
set -eu
out=${TMPDIR:-/tmp}/shunt-measure.$$
trap 'rm -f "$out"' EXIT
"${CXX:-c++}" -std=c++20 -O2 -I include -isystem "${EIGEN:-/usr/include/eigen3}" benchmarks/measure/depth_cost.cpp -o "$out" -pthread
"$out"
