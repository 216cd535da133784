// The encoders made of convolution, batch norm and relu: what `Encoder` (models/parts/encoder.h) offers as cnn, nin and
// resnet18. The convolutions have no bias: a batch norm follows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "frontend/tensor.h"

namespace weft::models {

// Each takes pictures x [B,channels,H,W] and gives what its blocks do, the first block first. The mean of each channel
// of the last is the representation.

// Of each width a convolution 3x3, batch norm, relu and, while both sides have two pixels or more, max-pool 2.
std::vector<Tensor> cnn_blocks(const std::string& name, const Tensor& x, const std::vector<std::int64_t>& widths);

// Network-in-Network (Lin et al. 2014) as RotNet has it: four blocks, each a wide convolution and two of 1x1; the first
// two halve the picture.
inline constexpr std::int64_t kNinWidth = 192;
std::vector<Tensor> nin_blocks(const std::string& name, const Tensor& x);

// ResNet-18 (He et al. 2016) with the stem for small pictures, one convolution 3x3; its four stages, of 64 to 512
// channels, the last three of which halve the picture.
inline constexpr std::int64_t kResnetWidth = 512;
std::vector<Tensor> resnet18_blocks(const std::string& name, const Tensor& x);

}  // namespace weft::models
