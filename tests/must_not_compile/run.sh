#!/bin/sh
# Each program here compiles as it stands, and must not with -DMISTAKE: the first run is the control that shows that the
# second fails for the one line it is about. Arguments: compiler, directory of Eigen.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
compiles() { "$compiler" -std=c++20 -fsyntax-only -I "$here/../../include" -isystem "$eigen" "$@"; }
compiler=$1 eigen=$2 bad=0
for program in "$here"/*.cpp; do
  if ! compiles "$program"; then
    echo "$program: does not compile without its mistake"
    bad=1
  elif compiles -DMISTAKE "$program" 2>/dev/null; then
    echo "$program: compiles with its mistake"
    bad=1
  fi
done
exit $bad
