// One head: its slices, where the brain is in each, and what part of them is held out.
#pragma once

#include <shunt/data/nifti.hpp>
#include <shunt/tensor.hpp>

#include <string>

using shunt::Tensor;

/// Axial slices from below to above, and in each pixel whether it shows brain.
struct Slices {
  Tensor<float> x;         ///< (n, 1, h, w): air is 0, the deviation 1.
  Tensor<std::int64_t> y;  ///< (n, h, w)

  Slices range(std::int64_t first, std::int64_t last) const {
    return {x.slice(0, first, last), y.slice(0, first, last)};
  }
};

/// The head, and how it is split: one block of neighbouring slices is held out, and those within 6 mm of it are in
/// neither part, since neighbours look alike. Those above the brain, mostly air, are left out.
struct Head {
  Tensor<float> intensity;  ///< (181, 217, 181), one voxel a cubic millimetre
  Tensor<bool> brain;
  Slices train, held_out;
  float scale = 1;  ///< What intensities were divided by in them.

  explicit Head(const std::string& folder)
      : intensity(shunt::data::load_nifti(folder + "/ch2.nii.gz").voxels),
        brain(shunt::data::load_nifti(folder + "/ch2bet.nii.gz").voxels > 0.f) {
    if (intensity.shape() != brain.shape() || intensity.size(0) < top)
      throw shunt::ShapeError("a head of " + to_string(intensity.shape()) + " and a brain of " +
                              to_string(brain.shape()));
    const Slices all{halved(intensity).unsqueeze(1), (halved(brain.to<float>()) >= 0.5f).to<std::int64_t>()};
    const auto below = all.range(0, first - gap), above = all.range(last + gap, top);
    train = {shunt::cat({below.x, above.x}), shunt::cat({below.y, above.y})};
    held_out = all.range(first, last);
    scale = shunt::std(train.x).item();
    train.x = train.x / scale;
    held_out.x = held_out.x / scale;
  }

 private:
  static constexpr std::int64_t first = 48, last = 72, gap = 6, top = 156;

  /// Slices (n, h, w) at 2 mm a pixel, without what is odd.
  static Tensor<float> halved(const Tensor<float>& slices) {
    const auto h = slices.size(1) / 2 * 2, w = slices.size(2) / 2 * 2;
    return avg_pool2d(slices.narrow(1, 0, h).narrow(2, 0, w).unsqueeze(1), 2).squeeze(1);
  }
};
