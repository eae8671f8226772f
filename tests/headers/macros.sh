#!/bin/sh
# Prints every macro that a file of ours leaves defined after all headers; exits 1 if there is one.
# Arguments: compiler, directory of Eigen.
set -eu
cd "$(dirname "$0")/../../include"
left=$(find shunt -name '*.hpp' ! -name foreach_isa.hpp | sort | sed 's/.*/#include <&>/' |
  { "$1" -std=c++20 -E -dD -I. -isystem "$2" -x c++ - || echo 'the preprocessor failed'; } | awk '
    /^the preprocessor failed$/ { print }
    /^# [0-9]+ "/ { ours = $3 ~ /(^"|\/)shunt\//; next }
    /^#define / && ours { name = $2; sub(/\(.*/, "", name); left[name] = 1 }
    /^#undef / { delete left[$2] }
    END { for (name in left) print name ": defined by a header of ours, and not undefined" }')
[ -z "$left" ] && exit 0
printf '%s\n' "$left"
exit 1
