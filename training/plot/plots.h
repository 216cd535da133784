// The pictures of a run: reconstructions, samples, the latent map and the loss curves. Made of plain numbers, so that
// every backend and every tool can call them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "training/data/png.h"

namespace weft::training {

// `shape` is [N,C,H,W] with C = 1 or 3, values in [0,1]; others are clipped, and what is not finite is shown in red.
struct ImageBatch {
  std::span<const float> values;
  std::vector<std::int64_t> shape;
};

// All throw Error where shapes and numbers of values do not agree.

struct CaptionedRow {
  std::string caption;
  ImageBatch images;
};

// Rows of equally many pictures one below the other, such as inputs above their reconstructions; again for every
// `columns` of them.
Picture captioned_rows(const std::vector<CaptionedRow>& rows, int columns = 10);

// Samples on a dark ground.
Picture sample_grid(const ImageBatch& samples, int columns = 10);

// `points` is [N,2]; labels are indices of class_names, or empty. `axis` names both axes, as z1 and z2.
Picture latent_map(std::span<const float> points, std::span<const std::int32_t> labels,
                   const std::vector<std::string>& class_names, const std::string& title = "Latent space",
                   const std::string& axis = "z");

// Pictures side by side, from the top; a new row after every `columns` of them (0: all in one).
Picture panels(const std::vector<Picture>& pictures, std::size_t columns = 0);
// With a line of text above.
Picture titled(const Picture& picture, const std::string& title);

struct LossCurve {
  std::string name;                // "loss", "loss/kl"
  std::vector<double> train;       // one an epoch, from epoch 1
  std::vector<double> validation;  // the same, or empty
};

// A chart a curve, for each has its own scale: training solid, validation dashed. The epoch at which the validation of
// "loss" was best is marked, and whether the run overfits after it.
Picture loss_curves(const std::vector<LossCurve>& curves);

}  // namespace weft::training
