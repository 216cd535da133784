// The steps of a program on a device as data: what runs, over which memory. They come from a graph (schedule.h) or from
// the tables of an artefact (backends/aot/cuda_runtime.cpp); thunks (thunk.h) are made from them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "backends/cuda/codegen/emit.h"
#include "backends/cuda/device/device.h"
#include "passes/plan/address.h"

namespace weft::cuda {

// A generated kernel: functions of the program's source.
struct KernelStep {
  std::vector<Launch> launches;
  std::size_t scratch_bytes = 0;
};

// Zeros parts of the first address.
struct FillStep {
  std::vector<passes::Gap> gaps;
};

using StepBody = std::variant<KernelStep, Matmul, Convolution, FillStep>;

using passes::Address;

struct Step {
  StepBody body;
  std::string name = {};
  std::vector<Address> addresses = {};  // operands, then results
  std::size_t scratch_offset = 0;       // into the arena; at kDeviceAlignment
  std::size_t scratch_bytes = 0;
};

}  // namespace weft::cuda
