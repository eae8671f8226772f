#!/bin/sh
# Every reader against damaged files, for ten minutes each.
set -eu
cd "$(dirname "$0")/../.."
./dev fuzz "${1:-600}"
