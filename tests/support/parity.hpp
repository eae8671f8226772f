// Models against PyTorch: answers from tests/reference/models/<family>.json, weights and inputs by the rule that
// tests/reference/parity.py states.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "shunt/nn/init.hpp"
#include "shunt/nn/module.hpp"
#include "shunt/ops/loss.hpp"
#include "shunt/optim/sgd.hpp"

namespace parity {

using shunt::Shape;
using shunt::Tensor;

/// Element i of the series that begins with `seed`: uniform in [-1, 1), a multiple of 2^-23.
double uniform(std::uint64_t seed, std::int64_t i);
std::uint64_t fnv1a64(const std::string& text);

template <shunt::Real T = double>
Tensor<T> series(const std::string& name, const Shape& shape, double scale = 1, double shift = 0) {
  auto t = Tensor<T>::empty(shape);
  const auto seed = fnv1a64(name);
  for (std::int64_t i = 0; i < t.numel(); ++i)
    t.data()[i] = static_cast<T>(static_cast<float>(shift + scale * uniform(seed, i)));
  return t;
}
/// Integers in [0, high).
Tensor<std::int64_t> ids(const std::string& name, std::int64_t high, const Shape& shape);

/// Where the entry `name` of a network starts: scale * u + shift for u of the series of that name, and, with `apart`,
/// `shift` on the side of 0 on which u lies.
struct Start {
  double scale, shift = 0;
  bool apart = false;
};
Start start_of(const std::string& name, const Shape& shape, const shunt::StateDict& all, bool calm);

/// Parameters and buffers by their names, as parity.py's fill() has them.
template <shunt::Real T>
void fill(shunt::nn::Module<T>& net, bool calm = false) {
  const auto all = net.state_dict();
  for (const auto& [name, entry] : all) {
    if (!entry.template is<T>()) continue;
    const auto to = entry.template as<T>();
    const Start start = start_of(name, to.shape(), all, calm);
    const auto seed = fnv1a64(name);
    for (std::int64_t i = 0; i < to.numel(); ++i) {
      const double u = uniform(seed, i), shift = start.apart && u < 0 ? -start.shift : start.shift;
      to.data()[i] = static_cast<T>(static_cast<float>(shift + start.scale * u));
    }
  }
}

/// Some elements of a tensor, and the norm of all.
struct Sample {
  std::string name;
  Shape shape;
  double norm = 0;
  std::vector<double> values;
};
struct Record {
  std::size_t entries = 0;
  std::int64_t parameters = 0;
  std::string names;  ///< A hash of names and shapes.
  bool calm = false;  ///< How fill() fills; parity.py says why.
  Sample eval, train, first, last;
  double lr = 0;
  std::vector<double> losses;
};
std::map<std::string, Record> load(const std::string& family);

/// ||got - wanted|| / ||wanted|| over the sample must not be above `tolerance`, nor the norms' difference.
void compare(const Tensor<double>& got, const Sample& wanted, double tolerance);
/// The names and shapes of a state dict, hashed as parity.py does.
std::string names_of(const shunt::StateDict& dict);
void check_names(const shunt::StateDict& dict, const Record& record);

struct Tolerances {
  double value, gradient;
};
template <shunt::Real T>
constexpr Tolerances tolerances = sizeof(T) == 8 ? Tolerances{1e-12, 1e-10} : Tolerances{1e-5, 1e-4};

template <shunt::Real T>
Tensor<T> loss_of(const Tensor<T>& y) {
  return shunt::mse_loss(y, series<T>("target", y.shape()));
}

/// Values in both modes and gradients; run(net) is the net's answer to the record's inputs.
template <shunt::Real T, class Net, class Run>
void check_answers(Net& net, const Run& run, const Record& record) {
  constexpr auto tolerance = tolerances<T>;
  fill<T>(net, record.calm);
  net.eval();
  {
    const shunt::NoGrad unrecorded;
    compare(run(net).template to<double>(), record.eval, tolerance.value);
  }
  net.train();
  const Tensor<T> y = run(net);
  compare(y.template to<double>(), record.train, tolerance.value);
  loss_of(y).backward();
  for (const auto* wanted : {&record.first, &record.last}) {
    Tensor<double> gradient;  // stays empty, which is an error, if the net has no such parameter
    for (const auto& [name, p] : net.named_parameters())
      if (name == wanted->name) gradient = p.grad().template to<double>();
    compare(gradient, *wanted, tolerance.gradient);
  }
}

/// The losses of SGD with momentum 0.9, in float, within 1e-4 of PyTorch's in double.
void compare_losses(const std::vector<double>& got, const Record& record);
template <class Net, class Run>
void check_steps(Net& net, const Run& run, const Record& record) {
  if (record.losses.empty()) return;
  fill<float>(net, record.calm);
  net.train();
  shunt::optim::SGD sgd(net.parameters(), {.lr = record.lr, .momentum = 0.9});
  std::vector<double> losses;
  for (std::size_t i = 0; i < record.losses.size(); ++i) {
    net.zero_grad();
    const auto loss = loss_of(run(net));
    loss.backward();
    sgd.step();
    losses.push_back(loss.item());
  }
  compare_losses(losses, record);
}

/// A model whose weights fill() sets.
template <shunt::Real T, class Make>
auto make_unset(const Make& make) {
  const shunt::nn::NoInit unset;
  return make.template operator()<T>();
}

/// Everything a record holds, in float and in double: make.operator()<T>() is the model, run(net) its answer.
template <class Make, class Run>
void check(const Record& record, const Make& make, const Run& run) {
  {
    auto net = make_unset<double>(make);
    check_names(net.state_dict(), record);
    check_answers<double>(net, run, record);
  }
  shunt::empty_cache();  // a gigabyte of some networks, in blocks too large for those in float
  auto net = make_unset<float>(make);
  check_answers<float>(net, run, record);
  check_steps(net, run, record);
}

}  // namespace parity
