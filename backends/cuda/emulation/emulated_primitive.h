// The library's part of an emulated device: matmuls and convolutions as loops.
#pragma once

#include <memory>

#include "backends/cuda/device/device.h"

namespace weft::cuda {

// Sums in double, in an order fixed by the shape. Operands are rounded to TF32 where asked for, results of bf16 to
// that.
std::unique_ptr<Primitive> emulate(const Matmul& product);
std::unique_ptr<Primitive> emulate(const Convolution& convolution);

}  // namespace weft::cuda
