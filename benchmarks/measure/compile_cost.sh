#!/bin/sh
# Seconds and peak memory of compiling the acceptance programs from plain -O2, by the compilers that are here.
set -eu
for cxx in g++ clang++; do
  command -v "$cxx" >/dev/null || continue
  for program in tests/acceptance/0*.cpp; do
    /usr/bin/env python3 - "$cxx" "$program" <<'PY' 2>/dev/null || echo "$cxx $program: python3 is needed to measure"
import os, resource, subprocess, sys, time
cxx, program = sys.argv[1:]
command = [cxx, "-std=c++20", "-O2", "-I", "include", "-isystem", os.environ.get("EIGEN", "/usr/include/eigen3"), program, "-o", os.devnull, "-pthread"]
best = 1e9
for _ in range(3):
    start = time.monotonic()
    subprocess.run(command, check=True)
    best = min(best, time.monotonic() - start)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"{cxx:8} {os.path.basename(program):24} {best:5.1f} s {peak:6.0f} MB")
PY
  done
done
