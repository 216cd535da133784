// The two backends that run generated CUDA: a GPU, and the host playing one.
#pragma once

#include <memory>
#include <string>

#include "backends/cuda/device.h"
#include "runtime/memory.h"

namespace weft {

bool is_gpu_backend(const std::string& backend);  // "cuda", "cuda-emulated"

// One device and one memory for the whole process. Error where it can not be used, or this build lacks it.
struct Gpu {
  std::shared_ptr<cuda::Device> device;
  std::shared_ptr<runtime::Memory> memory;
};
const Gpu& gpu_of(const std::string& backend);

}  // namespace weft
