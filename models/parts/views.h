// Random views of pictures, as a classifier with few labels trains on and SimCLR compares.
#pragma once

#include <string>
#include <vector>

#include "frontend/augment.h"
#include "frontend/model.h"

namespace weft::models {

// What a view does to pictures x [B,C,H,W] in [0,1], each in its own way:
//
//   none     nothing
//   digits   a part of the picture, turned, moved, scaled and sheared a little; noise
//   colour   a part of the picture, maybe mirrored; colours and contrast jittered; maybe grey or blurred
//
// strong views keep only what tells pictures apart whatever the view, and suit a contrastive loss; light ones keep the
// class in doubt of nobody, and suit labels.
class Views {
 public:
  enum class Strength { light, strong };

  // --augment, and an option for each part, which is that of the kind unless given.
  static std::vector<Option> options(const std::string& kind);
  Views(const Settings& settings, Strength strength);

  bool is_none() const { return kind_ == "none"; }
  // A fresh view of each picture. At its second use in an entry, others.
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
