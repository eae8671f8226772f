#!/bin/sh
# What a small program costs with each library: seconds and peak memory to compile it from plain -O2, and the size of
# the stripped program. All train one block x + Linear(ReLU(Linear(x))) for one step.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
include=${EIGEN:-/usr/include/eigen3}

cat >"$folder/shunt.cpp" <<'CPP'
#include <shunt/shunt.hpp>

int main() {
  namespace nn = shunt::nn;
  nn::ResidualBlock block(nn::Sequential(nn::Linear(64, 64), nn::ReLU(), nn::Linear(64, 64)));
  shunt::optim::SGD sgd(block.parameters(), {.lr = 0.1});
  auto x = shunt::randn({8, 64});
  shunt::mse_loss(block(x), x).backward();
  sgd.step();
}
CPP
cat >"$folder/torch.cpp" <<'CPP'
#include <torch/torch.h>

int main() {
  namespace nn = torch::nn;
  nn::Sequential branch(nn::Linear(64, 64), nn::ReLU(), nn::Linear(64, 64));
  torch::optim::SGD sgd(branch->parameters(), 0.1);
  auto x = torch::randn({8, 64});
  torch::mse_loss(x + branch->forward(x), x).backward();
  sgd.step();
}
CPP
cat >"$folder/dlib.cpp" <<'CPP'
#include <dlib/dnn.h>

int main() {
  using namespace dlib;
  using Below = tag1<fc<64, input<matrix<float>>>>;
  using Net = loss_mean_squared_multioutput<add_prev1<fc<64, relu<fc<64, Below>>>>>;
  Net net;
  std::vector<matrix<float>> x(8, matrix_cast<float>(gaussian_randm(64, 1)));
  dnn_trainer<Net> trainer(net, sgd());
  trainer.train_one_step(x, x);
}
CPP

measure() { # NAME OPTION..
  name=$1
  shift
  python3 - "$name" "$folder/$name" "${CXX:-c++}" -std=c++20 -O2 "$folder/$name.cpp" -o "$folder/$name" "$@" <<'PY'
import os, resource, subprocess, sys, time
name, program, *command = sys.argv[1:]
best = 1e9
for _ in range(3):
    start = time.monotonic()
    if subprocess.run(command, stderr=subprocess.DEVNULL).returncode:
        sys.exit(f"{name}: does not compile; is it installed?")
    best = min(best, time.monotonic() - start)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
subprocess.run(["strip", program], check=True)
print(f"{name:6} {best:5.1f} s {peak:6.0f} MB, program {os.path.getsize(program) / 1024:6.0f} kB")
PY
}

measure shunt -I include -isystem "$include" -pthread
measure torch -I /usr/include/torch/csrc/api/include -ltorch -ltorch_cpu -lc10 || true
measure dlib -ldlib -lpthread || true
