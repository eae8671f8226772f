// Normalisation layers.
#pragma once

#include <initializer_list>
#include <optional>

#include "shunt/nn/layer.hpp"
#include "shunt/ops/creation.hpp"
#include "shunt/ops/norm.hpp"

namespace shunt::nn {

struct BatchNormOptions {
  double eps = 1e-5;
  double momentum = 0.1;  ///< The batch's share in the new running statistics.
  bool affine = true;     ///< Whether weight (ones at the start) and bias (zeros) are learned.
};

/// Normalises each channel: over the batch in training, by running statistics otherwise (Ioffe and Szegedy 2015).
template <Real T = float>
class BatchNorm : public Layer<T> {
 public:
  Parameter<T> weight, bias;
  Buffer<T> running_mean, running_var;
  Buffer<std::int64_t> num_batches_tracked;

  Tensor<T> forward(const Tensor<T>& x) override { return forward_onto(x, Tensor<T>()); }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) override {
    check_rank(x.shape());
    if (this->is_training() && shunt::detail::may_update_buffers()) num_batches_tracked.add_(1);
    return batch_norm_onto(base, x, running_mean, running_var, weight, bias,
                           {.training = this->is_training(), .momentum = options_.momentum, .eps = options_.eps});
  }
  void members(Members<T>& m) override {
    m("weight", weight)("bias", bias)("running_mean", running_mean)("running_var", running_var);
    m("num_batches_tracked", num_batches_tracked);
  }
  std::string options() const override { return std::to_string(running_mean.numel()); }
  double eps() const { return options_.eps; }

 protected:
  BatchNorm(std::int64_t channels, BatchNormOptions options)
      : running_mean(zeros<T>({channels})),
        running_var(ones<T>({channels})),
        num_batches_tracked(zeros<std::int64_t>({})),
        options_(options) {
    if (!options.affine) return;
    weight = Parameter<T>(ones<T>({channels}));
    bias = Parameter<T>(zeros<T>({channels}));
  }
  virtual void check_rank(const Shape& shape) const = 0;

 private:
  BatchNormOptions options_;
};

/// Batch norm of (n, channels) or (n, channels, length).
template <Real T = float>
class BatchNorm1d : public BatchNorm<T> {
 public:
  explicit BatchNorm1d(std::int64_t channels, BatchNormOptions options = {}) : BatchNorm<T>(channels, options) {}

 protected:
  void check_rank(const Shape& x) const override {
    if (x.rank() != 2 && x.rank() != 3)
      shunt::detail::raise<ShapeError>("batch_norm: expected (n, channels) or (n, channels, length), got ", x);
  }
};
/// Batch norm of images (n, channels, height, width).
template <Real T = float>
class BatchNorm2d : public BatchNorm<T> {
 public:
  explicit BatchNorm2d(std::int64_t channels, BatchNormOptions options = {}) : BatchNorm<T>(channels, options) {}

 protected:
  void check_rank(const Shape& x) const override {
    if (x.rank() != 4) shunt::detail::raise<ShapeError>("batch_norm: expected (n, channels, height, width), got ", x);
  }
};

struct LayerNormOptions {
  double eps = 1e-5;
  bool affine = true;  ///< Whether weight (ones at the start) is learned,
  bool bias = true;    ///< and beside it a bias (zeros).
};

/// Normalises the last dimensions, of the shape or width given (Ba et al. 2016).
template <Real T = float>
class LayerNorm : public Layer<T> {
 public:
  Parameter<T> weight, bias;

  explicit LayerNorm(const Dims& shape, LayerNormOptions options = {}) : shape_(shape), eps_(options.eps) {
    if (!options.affine) return;
    weight = Parameter<T>(ones<T>(shape_));
    if (options.bias) bias = Parameter<T>(zeros<T>(shape_));
  }
  /// LayerNorm({h, w}), of one dimension too.
  explicit LayerNorm(std::initializer_list<std::int64_t> shape, LayerNormOptions options = {})
      : LayerNorm(Dims(shape), options) {}
  Tensor<T> forward(const Tensor<T>& x) override { return layer_norm(x, shape_, weight, bias, eps_); }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) override {
    return layer_norm_onto(base, x, shape_, weight, bias, eps_);
  }
  void members(Members<T>& m) override { m("weight", weight)("bias", bias); }
  std::string options() const override { return to_string(shape_); }

 private:
  Shape shape_;
  double eps_;
};

struct RMSNormOptions {
  std::optional<double> eps = {};  ///< The scalar's epsilon by default.
  bool affine = true;
};

/// Layer norm without mean and bias (Zhang and Sennrich 2019).
template <Real T = float>
class RMSNorm : public Layer<T> {
 public:
  Parameter<T> weight;

  explicit RMSNorm(const Dims& shape, RMSNormOptions options = {})
      : shape_(shape), eps_(options.eps.value_or(shunt::detail::rms_norm_eps<T>())) {
    if (options.affine) weight = Parameter<T>(ones<T>(shape_));
  }
  /// RMSNorm({h, w}), of one dimension too.
  explicit RMSNorm(std::initializer_list<std::int64_t> shape, RMSNormOptions options = {})
      : RMSNorm(Dims(shape), options) {}
  Tensor<T> forward(const Tensor<T>& x) override { return rms_norm(x, shape_, weight, eps_); }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) override {
    return rms_norm_onto(base, x, shape_, weight, eps_);
  }
  void members(Members<T>& m) override { m("weight", weight); }
  std::string options() const override { return to_string(shape_); }

 private:
  Shape shape_;
  double eps_;
};

struct GroupNormOptions {
  double eps = 1e-5;
  bool affine = true;
};

/// Normalises groups of neighbouring channels of each sample (Wu and He 2018). ShapeError unless `groups` divides
/// `channels`.
template <Real T = float>
class GroupNorm : public Layer<T> {
 public:
  Parameter<T> weight, bias;

  GroupNorm(std::int64_t groups, std::int64_t channels, GroupNormOptions options = {})
      : groups_(groups), channels_(channels), eps_(options.eps) {
    if (groups < 1 || channels % groups != 0)
      shunt::detail::raise<ShapeError>("GroupNorm: ", groups, " groups do not divide ", channels, " channels");
    if (!options.affine) return;
    weight = Parameter<T>(ones<T>({channels}));
    bias = Parameter<T>(zeros<T>({channels}));
  }
  Tensor<T> forward(const Tensor<T>& x) override { return forward_onto(x, Tensor<T>()); }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) override {
    if (x.rank() < 2 || x.size(1) != channels_)
      shunt::detail::raise<ShapeError>("group_norm: expected (n, ", channels_, ", ...), got ", x.shape());
    return group_norm_onto(base, x, groups_, weight, bias, eps_);
  }
  void members(Members<T>& m) override { m("weight", weight)("bias", bias); }
  std::string options() const override { return std::to_string(groups_) + ", " + std::to_string(channels_); }

 private:
  std::int64_t groups_, channels_;
  double eps_;
};

struct InstanceNormOptions {
  double eps = 1e-5;
  bool affine = false;
};

/// Normalises each channel of each image by itself (Ulyanov et al. 2016).
template <Real T = float>
class InstanceNorm2d : public Layer<T> {
 public:
  Parameter<T> weight, bias;

  explicit InstanceNorm2d(std::int64_t channels, InstanceNormOptions options = {})
      : channels_(channels), eps_(options.eps) {
    if (!options.affine) return;
    weight = Parameter<T>(ones<T>({channels}));
    bias = Parameter<T>(zeros<T>({channels}));
  }
  Tensor<T> forward(const Tensor<T>& x) override { return forward_onto(x, Tensor<T>()); }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) override {
    if (x.rank() != 4 || x.size(1) != channels_)
      shunt::detail::raise<ShapeError>("instance_norm: expected (n, ", channels_, ", height, width), got ", x.shape());
    return instance_norm_onto(base, x, weight, bias, eps_);
  }
  void members(Members<T>& m) override { m("weight", weight)("bias", bias); }
  std::string options() const override { return std::to_string(channels_); }

 private:
  std::int64_t channels_;
  double eps_;
};

}  // namespace shunt::nn
