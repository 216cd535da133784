// The decoder of the convolutional models: transposed convolutions up to a picture.
#pragma once

#include <string>
#include <vector>

#include "frontend/layers.h"
#include "models/parts/encoder.h"

namespace weft::models {

// A ConvEncoder run backwards: a fully connected layer to the smallest picture, then transposed convolutions 3x3 that
// double it, an activation after each but the last: z [B,latent] -> [B,C,H,W]. `sizes` are the encoder's. Two sizes
// round to the same half, so each layer is told the size to come back to, and chooses its output_padding by it.
// Parameters: name.fc, name.deconv1, name.deconv2, ...
class ConvDecoder {
 public:
  ConvDecoder(const std::string& name, std::int64_t latent, const std::vector<PictureSize>& sizes,
              Activation activation = relu);
  Tensor operator()(const Tensor& z) const;

 private:
  std::string name_;
  PictureSize smallest_;
  Linear first_;
  std::vector<ConvTranspose2d> layers_;
  Activation activation_;
};

}  // namespace weft::models
