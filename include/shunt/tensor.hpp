// Tensors, gradients and all operations; no networks.
#pragma once

#include "shunt/autograd/backward.hpp"
#include "shunt/autograd/checkpoint.hpp"
#include "shunt/autograd/custom_op.hpp"
#include "shunt/autograd/functional.hpp"
#include "shunt/autograd/gradcheck.hpp"
#include "shunt/core/any_tensor.hpp"
#include "shunt/ops/activation.hpp"
#include "shunt/ops/conv.hpp"
#include "shunt/ops/creation.hpp"
#include "shunt/ops/inplace.hpp"
#include "shunt/ops/matmul.hpp"
#include "shunt/ops/pointwise.hpp"
#include "shunt/ops/reduce.hpp"
#include "shunt/ops/skip.hpp"
#include "shunt/ops/view.hpp"
