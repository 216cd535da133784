// The host in place of a GPU: compiles generated source as plain C++ with emulate.h and runs it thread by thread;
// matmuls and convolutions are loops. It checks the source and the program around it, thousands of times slower than a
// GPU.
#pragma once

#include <memory>

#include "backends/cuda/device/device.h"

namespace weft::cuda {

// Loading needs a C++ compiler `c++` and Weft's source tree; throws Error if one is missing.
std::shared_ptr<Device> make_emulated_device();

}  // namespace weft::cuda
