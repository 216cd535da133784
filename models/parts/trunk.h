// The encoders of convolution, batch norm and relu: cnn, nin and resnet18 of `Encoder` (models/parts/encoder.h). The
// convolutions have no bias, because a batch norm follows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "frontend/tensor.h"

namespace weft::models {

// Each maps images x [B,channels,H,W] to the outputs of its blocks, first to last. The representation is the mean of
// each channel of the last.

// One block per width: 3x3 convolution, batch norm, relu and, while both sides have at least two pixels, max-pool 2.
std::vector<Tensor> cnn_blocks(const std::string& name, const Tensor& x, const std::vector<std::int64_t>& widths);

// Network-in-Network (Lin et al. 2014) as in RotNet: four blocks of a wide convolution and two 1x1 convolutions; the
// first two blocks halve the image.
inline constexpr std::int64_t kNinWidth = 192;
std::vector<Tensor> nin_blocks(const std::string& name, const Tensor& x);

// ResNet-18 (He et al. 2016) with the stem for small images, one 3x3 convolution; its four stages have 64 to 512
// channels, and the last three halve the image.
inline constexpr std::int64_t kResnetWidth = 512;
std::vector<Tensor> resnet18_blocks(const std::string& name, const Tensor& x);

}  // namespace weft::models
