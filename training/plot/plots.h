// The pictures of a run: reconstructions, samples, latent maps and loss curves. The functions take plain numbers, so
// that every backend and tool can call them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "training/plot/axes.h"
#include "training/plot/canvas.h"

namespace weft::training {

// `shape` is [N,C,H,W] with C = 1 or 3 and values in [0,1]. Other values are clipped; values that are not finite are
// red.
struct ImageBatch {
  std::span<const float> values;
  std::vector<std::int64_t> shape;
};

// All functions throw Error if a shape does not match its number of values.

struct CaptionedRow {
  std::string caption;
  ImageBatch images;
};

// Labels of the columns of a picture: a name on the left, and a text above each column.
struct ColumnAxis {
  std::string name = {};
  std::vector<std::string> texts = {};
};

// Rows of images, all of the same number, such as inputs above their reconstructions. Rows wrap together after
// `columns` images.
Canvas captioned_rows(const std::vector<CaptionedRow>& rows, int columns = 10, const ColumnAxis& axis = {});

// Samples on a dark background.
Canvas sample_grid(const ImageBatch& samples, int columns = 10);

// side * side images, row by row, on axes of the values that they were decoded from. The first is centred at (x.low,
// y.high), the last at (x.high, y.low).
Canvas image_plane(const ImageBatch& images, const Range& x, const Range& y, const std::string& x_label,
                   const std::string& y_label);

struct LatentMap {
  std::vector<float> points;  // [N,2]
  std::string title = "Latent space";
  std::string axis = "z";  // names both axes, as z1 and z2
};

// Maps side by side, with one legend. Labels are indices of class_names, or empty.
Canvas latent_maps(const std::vector<LatentMap>& maps, std::span<const std::int32_t> labels,
                   const std::vector<std::string>& class_names);

// Canvases side by side, aligned at the top.
Canvas panels(const std::vector<Canvas>& canvases);
// The canvas with a line of text above it.
Canvas titled(const Canvas& canvas, const std::string& title);

struct LossCurve {
  std::string name;                // "loss", "loss/kl"
  std::vector<double> train;       // one value per epoch, from epoch 1
  std::vector<double> validation;  // the same, or empty
};

// One chart per curve, each with its own scale: training solid, validation dashed. The first is above the others. Marks
// the epoch of the best validation "loss", and whether the run overfits after it.
Canvas loss_curves(const std::vector<LossCurve>& curves);

}  // namespace weft::training
