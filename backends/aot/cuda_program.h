// A graph compiled to steps and machine code for given GPUs, for another process to run. Needs no GPU.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/cuda/program/schedule.h"
#include "ir/graph.h"

namespace weft::aot {

struct Cubin {
  std::string architecture;  // "sm_90"
  std::vector<char> bytes;
};

struct CudaProgram {
  ir::GraphPtr graph;
  std::unique_ptr<cuda::Schedule>
      schedule;  // placed, without scratch for library calls: the device determines their size
  std::vector<Cubin> cubins;
};

// `graph` must have been lowered by the passes for `target` (program.h). Throws Error if NVRTC is missing or does not
// support the architectures, and for an op without code.
CudaProgram compile_for_cuda(ir::GraphPtr graph, bool tf32, const std::vector<std::string>& architectures);

}  // namespace weft::aot
