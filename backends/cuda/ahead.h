// A graph compiled to steps and machine code for stated GPUs, for another process to run. Needs no GPU.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/cuda/recipe.h"
#include "ir/graph.h"

namespace weft::cuda {

struct Cubin {
  std::string architecture;  // "sm_90"
  std::vector<char> bytes;
};

struct AheadProgram {
  ir::GraphPtr graph;
  std::unique_ptr<Recipe> recipe;  // placed, without scratch for library calls: their device says how much
  std::vector<Cubin> cubins;
};

// `graph` is one that the passes for `target` (program.h) have lowered. Throws Error where there is no NVRTC for the
// architectures, and for an op without code.
AheadProgram compile_ahead(ir::GraphPtr graph, bool tf32, const std::vector<std::string>& architectures);

}  // namespace weft::cuda
