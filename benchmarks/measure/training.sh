#!/bin/sh
# Full trainings: the demo's table over three seeds, and ten minutes of Fashion-MNIST.
set -eu
time ./dev demo --out build/depth-report
time ./dev example fashion --minutes 10
