// A GPU, through CUDA's driver, NVRTC, cuBLASLt and cuDNN. Including this pulls in none of their headers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/cuda/device/device.h"
#include "backends/report.h"

namespace weft::cuda {

// Findings for the driver, NVRTC, cuBLASLt, cuDNN and the first device, in this order.
std::vector<Finding> find_cuda();

// The first device; always the same object. Throws Error that says what is missing and what to do; `compiles`: NVRTC is
// required too.
std::shared_ptr<Device> open_gpu(bool compiles = true);

}  // namespace weft::cuda
