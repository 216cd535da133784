// Geometric augmentations: affine maps of images, drawn per image and per step. Maps compose into a single
// `affine_sample`, so each image is resampled once.
#pragma once

#include <array>
#include <source_location>

#include "frontend/ops.h"

namespace weft {

// A number is drawn uniformly from [low, high]; low may equal high.
struct Range {
  double low = 0, high = 0;
};

// torchvision's RandomResizedCrop: share of the image's area and aspect ratio (width / height) of the crop. Draws once
// and clips the sides to the image, where torchvision draws up to ten times; does not round to pixels.
struct Crop {
  Range area{0.08, 1};
  Range ratio{3.0 / 4, 4.0 / 3};
};

// torchvision's RandomAffine, about the centre of the image.
struct AffineRange {
  double degrees = 0;          // between -degrees and degrees
  double translate_x = 0;      // at most this share of the width, in either direction; not rounded to pixels
  double translate_y = 0;      // likewise, of the height
  Range scale{1, 1};           // > 1 magnifies
  double shear_x_degrees = 0;  // in either direction
  double shear_y_degrees = 0;
};

// A list of maps applied in order to images x [B,C,H,W]. Pixels outside the image are 0; positions between pixels are
// interpolated. Maps that contain only 90-degree turns and flips copy pixels exactly.
//
//   x = Affine(x).crop({.area = {0.2, 1}}).flip().sample(x);
class Affine {
 public:
  explicit Affine(Operand images);  // the identity; takes the batch and image size from `images`

  // Crops a random part and scales it to the size of the image.
  Affine& crop(const Crop& crop = {}, std::source_location location = std::source_location::current());
  // Mirrors each image left to right with this probability; `flip_vertically` mirrors top to bottom.
  Affine& flip(double probability = 0.5, std::source_location location = std::source_location::current());
  Affine& flip_vertically(double probability = 0.5, std::source_location location = std::source_location::current());
  // Turns image i anticlockwise by turns[i] * 90 degrees, as torch.rot90 does over H and W; turns i32[B], any integers.
  // Throws Error unless H equals W.
  Affine& turn(Operand turns);
  // Rotation, translation, scale and shear.
  Affine& vary(const AffineRange& range, std::source_location location = std::source_location::current());

  // The maps as f32[B,2,3], in the form affine_sample takes.
  Tensor theta(std::source_location location = std::source_location::current()) const;
  // The images under the composed map; by default of the same size.
  Tensor sample(Operand x) const;
  Tensor sample(Operand x, std::int64_t height, std::int64_t width) const;

 private:
  // Rows [[a, b, c], [d, e, f]], numbers or f32[B,1,1]: map coordinates of the result, in [-1, 1], to those of the
  // source.
  using Matrix = std::array<Operand, 6>;
  Affine& then(const Matrix& map);
  Tensor uniform(const Range& range, const std::source_location& location) const;
  Operand sign(double probability, const std::source_location& location) const;

  Dim batch_;
  std::int64_t height_ = 0, width_ = 0;
  Matrix matrix_;
};

// Each applies one map.
Tensor random_resized_crop(Operand x, const Crop& crop = {});
Tensor random_flip(Operand x, double probability = 0.5);
Tensor random_affine(Operand x, const AffineRange& range);
// Turns image x[i] by turns[i] * 90 degrees, see Affine::turn.
Tensor rotate90(Operand x, Operand turns);

// All four turns of each image (Gidaris et al., "Unsupervised Representation Learning by Predicting Image Rotations",
// 2018): row i is image i/4 turned i%4 times, and i%4 is its label.
struct Rotations {
  Tensor images;  // [4B,C,H,W]
  Tensor labels;  // i32[4B]
};
Rotations rotation_batch(Operand x);

}  // namespace weft
