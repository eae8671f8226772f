#!/bin/sh
# Builds and runs one small program in each way that shunt is used. Arguments: a build folder, the directory of Eigen.
# -O0, since what is tested is that it is found; the compiler line that the README names is taken as it is.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
mkdir -p "$1"
cd "$1"
passed=0 failed=0
log=$PWD/log
trial() { # NAME COMMAND..
  name=$1
  shift
  if "$@" >"$log" 2>&1; then
    passed=$((passed + 1))
    echo "consumers: $name: ok"
  else
    failed=$((failed + 1))
    cat "$log"
    echo "consumers: $name: FAILED"
  fi
}

with_cmake() { # NAME CMAKE-OPTION..
  folder=$1
  shift
  rm -rf "$folder"
  cmake -S "$here/$folder" -B "$folder" -G Ninja -DCMAKE_CXX_FLAGS=-O0 "$@" && cmake --build "$folder" && "$folder/consumer"
}

installed() { # FOLDER CMAKE-OPTION..
  folder=$1
  shift
  rm -rf prefix
  cmake -S "$top" -B package -G Ninja -DCMAKE_INSTALL_PREFIX="$PWD/prefix" -DCMAKE_BUILD_TYPE=None \
    -DCMAKE_CXX_FLAGS=-O0 -DSHUNT_WERROR=ON -DSHUNT_BUILD_TESTS=OFF -DSHUNT_BUILD_BENCHMARKS=OFF \
    -DSHUNT_BUILD_EXAMPLES=OFF "$@" && cmake --build package && cmake --install package &&
    with_cmake "$folder" -DCMAKE_PREFIX_PATH="$PWD/prefix"
}

plain() {
  "${CXX:-g++}" -std=c++20 -O2 -I "$top/include" -I "$2" "$here/main.cpp" -pthread -o plain && ./plain
}

rm -rf package
trial find_package installed find_package
trial 'plain units beside shunt::compiled' installed compiled -DSHUNT_BUILD_COMPILED=ON
trial add_subdirectory with_cmake add_subdirectory
trial 'one compiler line' plain "$@"
trial 'units of different flags' "$here/flags/run.sh" "$2"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
