// Library calls on a stream of a real GPU.
#pragma once

#include <memory>

#include "backends/cuda/device.h"
#include "backends/cuda/driver_api.h"

namespace weft::cuda {

// In f32 throughout, but where an operation asks for TF32. Bits do not change from run to run.
std::unique_ptr<Operation> make_product(cublasLtHandle_t handle, CUstream stream, const Product& product);
std::unique_ptr<Operation> make_convolution(cudnnHandle_t handle, const Convolution& convolution);

}  // namespace weft::cuda
