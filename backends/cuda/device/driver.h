// A real GPU, through CUDA's driver, NVRTC, cuBLASLt and cuDNN. No header of theirs is seen from here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/cuda/device/device.h"
#include "backends/report.h"

namespace weft::cuda {

// The driver, NVRTC, cuBLASLt, cuDNN, and the first device, in this order.
std::vector<Finding> find_cuda();

// The first device; the same one each time. Throws Error that says what is missing and what to do; `compiles`: NVRTC is
// needed too.
std::shared_ptr<Device> open_gpu(bool compiles = true);

}  // namespace weft::cuda
