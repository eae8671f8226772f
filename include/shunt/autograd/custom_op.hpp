// custom_op: a user's own function with its own gradient.
#pragma once

#include "shunt/autograd/record.hpp"

namespace shunt {

/// forward(inputs), recorded as operation `name` (a literal). backward(g, inputs, y) gives one gradient an input, of
/// that input's shape, or an empty handle for none; ShapeError otherwise. Both run unrecorded.
template <Real T, class Forward, class Backward>
Tensor<T> custom_op(const char* name, const std::vector<Tensor<T>>& inputs, const Forward& forward, Backward backward) {
  Tensor<T> y;
  {
    const NoGrad unrecorded;
    const Tensor<T> value = forward(inputs);
    y = value.alias(value.data(), value.shape(), value.strides());
  }
  std::vector<Saved<T>> saved;
  for (const auto& x : inputs) saved.push_back(save(x));
  return record(name, y, inputs,
                [name, backward = std::move(backward), saved = std::move(saved), y = save(y)](const Tensor<T>& g,
                                                                                              Slots<T>& into) {
                  std::vector<Tensor<T>> values;
                  for (const auto& s : saved) values.push_back(s.get(name));
                  const std::vector<Tensor<T>> grads = backward(g, values, y.get(name));
                  if (grads.size() != values.size())
                    detail::raise<ShapeError>("backward of ", name, ": ", grads.size(), " gradients for ",
                                              values.size(), " inputs");
                  for (std::size_t i = 0; i < grads.size(); ++i) {
                    if (!grads[i].defined()) continue;
                    if (grads[i].shape() != values[i].shape())
                      detail::raise<ShapeError>("backward of ", name, ": gradient ", i, " is ", grads[i].shape(),
                                                " for an input of ", values[i].shape());
                    into.add(i, grads[i].detach());
                  }
                });
}

}  // namespace shunt
