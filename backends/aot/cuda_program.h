// A graph compiled to steps and machine code for stated GPUs, for another process to run. Needs no GPU.
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
  std::unique_ptr<cuda::Schedule> schedule;  // placed, without scratch for library calls: their device says how much
  std::vector<Cubin> cubins;
};

// `graph` is one that the passes for `target` (program.h) have lowered. Throws Error where there is no NVRTC for the
// architectures, and for an op without code.
CudaProgram compile_for_cuda(ir::GraphPtr graph, bool tf32, const std::vector<std::string>& architectures);

}  // namespace weft::aot
