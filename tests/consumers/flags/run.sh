#!/bin/sh
# Links a unit for this very processor with a plain one, in both orders, and runs the program: g++ and clang++, -O0 and
# -O2, and under AddressSanitizer the case in which Eigen's own matrices break the heap. Argument: the directory of Eigen.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
include=$here/../../../include

mixed() { # COMPILER FLAG..
  echo "$*"
  set -- "$@" -std=c++20 -pthread
  "$@" -I "$include" -isystem "$eigen" -c "$here/unit.cpp" -DUNIT=plain -DOTHER=native -DMAIN -o plain.o &
  plain=$!
  "$@" -I "$include" -isystem "$eigen" -c "$here/unit.cpp" -DUNIT=native -DOTHER=plain -march=native -o native.o
  wait "$plain"
  "$@" plain.o native.o -o plain_first
  "$@" native.o plain.o -o native_first
  ./plain_first
  ./native_first
}

eigen=$1
mkdir -p flags
cd flags
for compiler in g++ clang++; do
  mixed "$compiler" -O0
  mixed "$compiler" -O2
done
mixed clang++ -O1 -fsanitize=address
