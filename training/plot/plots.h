// The pictures of a run: reconstructions, samples, the latent map and the loss curves. Made of plain numbers, so that
// every backend and every tool can call them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "training/plot/axes.h"
#include "training/plot/canvas.h"

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

// What the columns of a picture of rows mean: a name for all of them, at the left, and a text over each.
struct ColumnAxis {
  std::string name = {};
  std::vector<std::string> texts = {};
};

// Rows of equally many images one below the other, such as inputs above their reconstructions; again for every
// `columns` of them.
Canvas captioned_rows(const std::vector<CaptionedRow>& rows, int columns = 10, const ColumnAxis& axis = {});

// Samples on a dark ground.
Canvas sample_grid(const ImageBatch& samples, int columns = 10);

// side * side images, row by row, over the rectangle of values [x, y] that they were decoded from: the middle of the
// first is at (x.low, y.high), that of the last at (x.high, y.low).
Canvas image_plane(const ImageBatch& images, const Range& x, const Range& y, const std::string& x_label,
                   const std::string& y_label);

struct LatentMap {
  std::vector<float> points;  // [N,2]
  std::string title = "Latent space";
  std::string axis = "z";  // names both axes, as z1 and z2
};

// Labels are indices of class_names, or empty; one legend for all the maps, which stand side by side.
Canvas latent_maps(const std::vector<LatentMap>& maps, std::span<const std::int32_t> labels,
                   const std::vector<std::string>& class_names);

// Side by side, from the top.
Canvas panels(const std::vector<Canvas>& canvases);
// With a line of text above.
Canvas titled(const Canvas& canvas, const std::string& title);

struct LossCurve {
  std::string name;                // "loss", "loss/kl"
  std::vector<double> train;       // one an epoch, from epoch 1
  std::vector<double> validation;  // the same, or empty
};

// A chart a curve, for each has its own scale: training solid, validation dashed; of several, the first over the
// others. The epoch at which the validation of "loss" was best is marked, and whether the run overfits after it.
Canvas loss_curves(const std::vector<LossCurve>& curves);

}  // namespace weft::training
