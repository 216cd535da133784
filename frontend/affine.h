// Geometric augmentations: affine maps of pictures, drawn anew for each picture and each step. Several compose into one
// map, and so into one `affine_sample`: a picture is resampled once, however many there are.
#pragma once

#include <array>
#include <source_location>

#include "frontend/ops.h"

namespace weft {

// From which a number is drawn uniformly; low may equal high.
struct Range {
  double low = 0, high = 0;
};

// torchvision's RandomResizedCrop: the share of the picture's area, and width over height, both of the crop. Drawn
// once, with sides cut to the picture, where torchvision draws up to ten times; not rounded to pixels.
struct Crop {
  Range area{0.08, 1};
  Range ratio{3.0 / 4, 4.0 / 3};
};

// torchvision's RandomAffine, about the middle of the picture.
struct AffineRange {
  double degrees = 0;          // from -degrees to degrees
  double translate_x = 0;      // at most this share of the width, either way; not rounded to pixels
  double translate_y = 0;      // of the height
  Range scale{1, 1};           // > 1 magnifies
  double shear_x_degrees = 0;  // either way
  double shear_y_degrees = 0;
};

// A list of maps of the pictures x [B,C,H,W], in the order in which they act. What comes from outside of the picture is
// 0, and a pixel between four others is interpolated. Turns by 90 degrees and flips alone lose nothing: each pixel is
// copied.
//
//   x = Affine(x).crop({.area = {0.2, 1}}).flip().sample(x);
class Affine {
 public:
  explicit Affine(Operand pictures);  // no map; takes the number and the size of the pictures

  // Cuts out a random part and makes it as large as the picture.
  Affine& crop(const Crop& crop = {}, std::source_location location = std::source_location::current());
  // Left to right, each picture with this probability; `flip_vertically`: top to bottom.
  Affine& flip(double probability = 0.5, std::source_location location = std::source_location::current());
  Affine& flip_vertically(double probability = 0.5, std::source_location location = std::source_location::current());
  // By turns[i] times 90 degrees, anticlockwise as torch.rot90 over H and W; turns i32[B], any whole numbers.
  // An Error unless H equals W.
  Affine& turn(Operand turns);
  // Rotation, translation, scale and shear.
  Affine& vary(const AffineRange& range, std::source_location location = std::source_location::current());

  // f32[B,2,3], as affine_sample takes it.
  Tensor theta(std::source_location location = std::source_location::current()) const;
  // The pictures under all maps; by default of the same size.
  Tensor sample(Operand x) const;
  Tensor sample(Operand x, std::int64_t height, std::int64_t width) const;

 private:
  // Rows of [[a, b, c], [d, e, f]], numbers or f32[B,1,1]: coordinates of the result, in [-1, 1], to those of the
  // source.
  using Matrix = std::array<Operand, 6>;
  Affine& then(const Matrix& map);
  Tensor uniform(const Range& range, const std::source_location& location) const;
  Operand sign(double probability, const std::source_location& location) const;

  Dim batch_;
  std::int64_t height_ = 0, width_ = 0;
  Matrix matrix_;
};

// Each alone: one Affine of one map.
Tensor random_resized_crop(Operand x, const Crop& crop = {});
Tensor random_flip(Operand x, double probability = 0.5);
Tensor random_affine(Operand x, const AffineRange& range);
// Each picture x[i] by turns[i] times 90 degrees, see Affine::turn.
Tensor rotate90(Operand x, Operand turns);

// All four turns of each picture (Gidaris et al., "Unsupervised Representation Learning by Predicting Image Rotations",
// 2018): picture i/4 by i%4 turns, which is label i.
struct Rotations {
  Tensor pictures;  // [4B,C,H,W]
  Tensor labels;    // i32[4B]
};
Rotations rotation_batch(Operand x);

}  // namespace weft
