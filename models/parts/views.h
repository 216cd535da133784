// Random views of images, for classifiers with few labels and for SimCLR.
#pragma once

#include <string>
#include <vector>

#include "frontend/augment.h"
#include "frontend/model.h"

namespace weft::models {

// The changes to images x [B,C,H,W] in [0,1], drawn per image:
//
//   none     nothing
//   digits   a crop, slightly rotated, moved, scaled and sheared; noise
//   colour   a crop, perhaps mirrored; colours and contrast jittered; perhaps grey or blurred
//
// Strong views keep only what identifies an image across views, and suit a contrastive loss. Light views leave the
// class recognisable, and suit labels.
class Views {
 public:
  enum class Strength { light, strong };

  // --augment, and an option per part that overrides the default of the kind.
  static std::vector<Option> options(const std::string& kind);
  Views(const Settings& settings, Strength strength);

  bool is_none() const { return kind_ == "none"; }
  // Draws a new view of each image at each use in an entry.
  Tensor operator()(const Tensor& x) const;

 private:
  std::string kind_;
  Crop crop_;
  AffineRange affine_;
  double flip_ = 0;
  ColourJitter jitter_;
  double grey_ = 0;
  GaussianBlur blur_;
  double noise_ = 0;
};

}  // namespace weft::models
