// shunt: residual networks in C++, one include away. Everything that needs only Eigen and threads.
#pragma once

#include "shunt/nn/activation.hpp"
#include "shunt/nn/conv.hpp"
#include "shunt/nn/functional_call.hpp"
#include "shunt/nn/init.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/nn/norm.hpp"
#include "shunt/nn/residual.hpp"
#include "shunt/nn/sequential.hpp"
#include "shunt/optim/adam.hpp"
#include "shunt/optim/rmsprop.hpp"
#include "shunt/optim/sgd.hpp"
#include "shunt/tensor.hpp"
