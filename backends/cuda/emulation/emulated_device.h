// The host playing a GPU: generated source is compiled as plain C++ over emulate.h and run thread by thread, products
// and convolutions are loops. A check of the source and of the program around it, thousands of times slower than what
// it stands for.
#pragma once

#include <memory>

#include "backends/cuda/device/device.h"

namespace weft::cuda {

// Loading needs a C++ compiler `c++` and Weft's source tree; Error where one is missing.
std::shared_ptr<Device> make_emulated_device();

}  // namespace weft::cuda
