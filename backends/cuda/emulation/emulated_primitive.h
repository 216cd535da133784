// The libraries of an emulated device: matmuls and convolutions as loops.
#pragma once

#include <memory>

#include "backends/cuda/device/device.h"

namespace weft::cuda {

// Sums in double, in an order that the shape fixes. Rounds operands to TF32 if requested, and bf16 results to bf16.
std::unique_ptr<Primitive> emulate(const Matmul& matmul);
std::unique_ptr<Primitive> emulate(const Convolution& convolution);

}  // namespace weft::cuda
