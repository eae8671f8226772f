#!/bin/sh
# Each kernel against the machine's limit, as a table and as docs/roofline.svg.
set -eu
out=${TMPDIR:-/tmp}/shunt-measure.$$
trap 'rm -f "$out"' EXIT
"${CXX:-c++}" -std=c++20 -O2 -I include -I benchmarks -isystem "${EIGEN:-/usr/include/eigen3}" benchmarks/measure/roofline.cpp -o "$out" -pthread
"$out" docs/roofline.svg
