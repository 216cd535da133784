// The decoder of the convolutional models: transposed convolutions up to an image.
#pragma once

#include <string>
#include <vector>

#include "frontend/layers.h"
#include "models/parts/encoder.h"

namespace weft::models {

// A ConvEncoder in reverse: a fully connected layer to the smallest image, then 3x3 transposed convolutions that double
// it, with an activation after each but the last: z [B,latent] -> [B,C,H,W]. `sizes` are the encoder's. Two sizes round
// to the same half, so each layer gets the size to restore and chooses its output_padding accordingly. Parameters:
// name.fc, name.deconv1, name.deconv2, ...
class ConvDecoder {
 public:
  ConvDecoder(const std::string& name, std::int64_t latent, const std::vector<ImageSize>& sizes,
              Activation activation = relu);
  Tensor operator()(const Tensor& z) const;

 private:
  std::string name_;
  ImageSize smallest_;
  Linear first_;
  std::vector<ConvTranspose2d> layers_;
  Activation activation_;
};

}  // namespace weft::models
