#!/bin/sh
# Includes go one way: core < kernels < autograd < ops < nn < models; optim, data, io and insight stand beside them.
# Prints each include that runs the other way, each header over 500 lines, and each .hpp that the umbrella leaves out
# though it needs no library; exits 1 if there is one. Arguments: compiler, directory of Eigen.
set -eu
cd "$(dirname "$0")/../../include"
bad=0

found=$(grep -rnE --include='*.hpp' --include='*.inl' '#include [<"]shunt/' shunt | awk -F: '
  BEGIN {
    reach["core"] = "core"; reach["kernels"] = "core kernels"; reach["autograd"] = reach["kernels"] " autograd"
    reach["ops"] = reach["autograd"] " ops"; reach["nn"] = reach["ops"] " nn"; reach["models"] = reach["nn"] " models"
    reach["optim"] = reach["nn"] " optim"; reach["data"] = reach["ops"] " data io"; reach["io"] = "core io"
    reach["insight"] = reach["nn"] " insight"
  }
  {
    from = $1; sub(/^shunt\//, "", from)
    if (!sub(/\/.*/, "", from)) next                 # shunt.hpp and tensor.hpp may include all
    to = $0; sub(/.*#include [<"]shunt\//, "", to)
    if (!sub(/\/.*/, "", to)) { print $1 ":" $2 ": includes an umbrella"; next }
    if (from in reach && index(" " reach[from] " ", " " to " ") == 0) print $1 ":" $2 ": " from " includes " to
  }')
[ -z "$found" ] || { printf '%s\n' "$found"; bad=1; }

found=$(find shunt -type f -exec wc -l {} + | awk '$2 != "total" && $1 > 500 { print $2 ": " $1 " lines" }')
[ -z "$found" ] || { printf '%s\n' "$found"; bad=1; }

depends=$("$1" -std=c++20 -MM -I. -isystem "$2" shunt/shunt.hpp)
umbrella=$(printf '%s' "$depends" | sed 's/\\$//' | tr ' ' '\n')
for header in $(find shunt -name '*.hpp' | sort); do
  printf '%s\n' "$umbrella" | grep -qx "\(\./\)\?$header" && continue
  case $header in shunt/io/*) continue ;; esac # each with a library of its own, or beside those that have one
  "$1" -std=c++20 -M -I. -isystem "$2" -x c++ "$header" 2>/dev/null | grep -qE '/(nlohmann/json\.hpp|zlib\.h|utf8proc\.h|stb_image\.h)' && continue
  echo "$header: not in shunt/shunt.hpp"
  bad=1
done
exit $bad
