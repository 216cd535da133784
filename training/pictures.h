// The pictures of a run: reconstructions, samples, the latent map and the loss curves. Made of plain numbers, so that
// every backend and every tool can call them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "training/png.h"

namespace weft::training {

// `shape` is [N,C,H,W] with C = 1 or 3, values in [0,1]; others are clipped, and what is not finite is shown in red.
struct ImageBatch {
  std::span<const float> values;
  std::vector<std::int64_t> shape;
};

// All throw Error where shapes and numbers of values do not agree.

// A row of inputs above the row of their reconstructions, again for every `columns` of them.
Picture reconstructions(const ImageBatch& inputs, const ImageBatch& outputs, int columns = 10);

// Samples, or the steps of an interpolation (one row each with columns = steps), on a dark ground.
Picture sample_grid(const ImageBatch& samples, int columns = 10);

// `points` is [N,2]; labels are indices of class_names, or empty.
Picture latent_map(std::span<const float> points, std::span<const std::int32_t> labels,
                   const std::vector<std::string>& class_names, const std::string& title = "Latent space");

struct LossCurve {
  std::string name;                // "loss", "loss/kl"
  std::vector<double> train;       // one an epoch, from epoch 1
  std::vector<double> validation;  // the same, or empty
};

// Training solid, validation dashed, one colour a curve (two colours where there is one curve alone).
Picture loss_curves(const std::vector<LossCurve>& curves, const std::string& title = "Loss by epoch");

}  // namespace weft::training
