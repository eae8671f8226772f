// What the residual networks for photographs and for CIFAR share: their convolution, the basic block's branch, the
// projection of a shortcut, a block with the names of the published checkpoints, and the stage that stacks blocks.
#pragma once

#include "shunt/nn/activation.hpp"
#include "shunt/nn/conv.hpp"
#include "shunt/nn/norm.hpp"
#include "shunt/nn/residual.hpp"
#include "shunt/nn/sequential.hpp"
#include "shunt/ops/rearrange.hpp"

namespace shunt::models::detail {

/// Without a bias, since a norm follows; padded so that stride 1 keeps the size. It starts as He et al. 2015 propose.
template <Real T>
nn::Conv2d<T> conv(std::int64_t kernel, std::int64_t in, std::int64_t out, std::int64_t stride = 1,
                   std::int64_t groups = 1) {
  nn::Conv2d<T> c({.in = in,
                   .out = out,
                   .kernel = kernel,
                   .stride = stride,
                   .padding = kernel / 2,
                   .groups = groups,
                   .bias = false});
  nn::init::kaiming_normal_(c.weight, {.mode = "fan_out", .nonlinearity = "relu"});
  return c;
}

/// A branch's last norm. With `zero` its weight starts at 0, and so the branch (Goyal et al. 2017, section 5.1).
template <Real T>
nn::BatchNorm2d<T> last_norm(std::int64_t channels, bool zero) {
  nn::BatchNorm2d<T> norm(channels);
  if (zero) nn::init::zeros_(norm.weight);
  return norm;
}

/// conv-bn-relu-conv-bn (He et al. 2015, fig. 2). `down`, if it holds a layer, stands behind the ReLU.
template <Real T>
nn::Sequential<T> basic_branch(std::int64_t in, std::int64_t out, std::int64_t stride, bool zero_init,
                               nn::AnyLayer<T> down = {}) {
  nn::Sequential<T> branch;
  branch.add("conv1", conv<T>(3, in, out, stride)).add("bn1", nn::BatchNorm2d<T>(out)).add("relu", nn::ReLU<T>());
  if (down) branch.add("down", std::move(down));
  branch.add("conv2", conv<T>(3, out, out)).add("bn2", last_norm<T>(out, zero_init));
  return branch;
}

/// Shortcut B: a 1x1 convolution and its norm (He et al. 2015, section 4.1).
template <Real T>
nn::Sequential<T> projection(std::int64_t in, std::int64_t out, std::int64_t stride) {
  return nn::Sequential<T>(conv<T>(1, in, out, stride), nn::BatchNorm2d<T>(out));
}

/// Shortcut A: every stride-th place, and zeros in the channels that are new. It has no parameters.
template <Real T>
struct PadShortcut : nn::Layer<T> {
  std::int64_t new_channels, stride;
  PadShortcut(std::int64_t channels, std::int64_t step) : new_channels(channels), stride(step) {}
  Tensor<T> forward(const Tensor<T>& x) override {
    return pad(x.slice(2, 0, x.size(2), stride).slice(3, 0, x.size(3), stride), {0, 0, 0, 0, 0, new_channels});
  }
};

/// A residual block that calls itself `kind`, whose branch's members stand among its own beside the shortcut's.
template <Real T>
class NamedBlock : public nn::ResidualBlock<T> {
 public:
  NamedBlock(const char* kind, const char* shortcut_name, nn::ResidualOptions<T> o)
      : nn::ResidualBlock<T>(std::move(o)), kind_(kind), shortcut_name_(shortcut_name) {}
  void members(nn::Members<T>& m) override {
    m(this->branch)(shortcut_name_, this->shortcut)("scale", this->scale)("after", this->after);
  }
  std::string kind() const override { return kind_; }

 private:
  const char *kind_, *shortcut_name_;
};

/// Where a block stands: its channels, and how often its branch is dropped.
struct BlockPlace {
  std::int64_t in, out, stride;
  double drop_path;
  bool changes_shape() const { return in != out || stride != 1; }
};

/// Where a stage stands: its blocks, those before it and those of the network; what its first block changes.
struct StagePlace {
  std::int64_t blocks, before, total;
  std::int64_t in, out, stride;
};

/// The stack of a stage: make(place) is a block. drop_path grows from 0 at the network's first block to `drop_path` at
/// its last (Huang et al. 2016, section 3).
template <Real T, class Make>
nn::Sequential<T> stage(const StagePlace& s, double drop_path, const Make& make) {
  nn::Sequential<T> blocks;
  for (std::int64_t i = 0; i < s.blocks; ++i) {
    const double depth =
        static_cast<double>(s.before + i) / static_cast<double>(std::max<std::int64_t>(s.total - 1, 1));
    const BlockPlace place{i == 0 ? s.in : s.out, s.out, i == 0 ? s.stride : 1, drop_path * depth};
    blocks.add(std::to_string(i), make(place));
  }
  return blocks;
}

/// n of a network for CIFAR, of three stages of n blocks; ValueError if `depth` is not layers * n + others. `where`
/// stands behind what is wanted.
inline std::int64_t blocks_per_stage(const char* name, std::int64_t depth, std::int64_t layers, std::int64_t others,
                                     const char* where = "") {
  if (depth < layers + others || (depth - others) % layers != 0)
    shunt::detail::raise<ValueError>(name, ": depth must be ", layers, "n + ", others, where, ", got ", depth);
  return (depth - others) / layers;
}

}  // namespace shunt::models::detail
