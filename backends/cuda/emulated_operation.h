// The library's part of an emulated device: products and convolutions as loops.
#pragma once

#include <memory>

#include "backends/cuda/device.h"

namespace weft::cuda {

// Sums in double, in an order fixed by the shape. For TF32, operands are rounded to it.
std::unique_ptr<Operation> emulate(const Product& product);
std::unique_ptr<Operation> emulate(const Convolution& convolution);

}  // namespace weft::cuda
