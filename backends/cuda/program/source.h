// What of a graph becomes source: the kernels of its fused ops and of the ops that are written by hand.
#pragma once

#include <vector>

#include "backends/cuda/codegen/emit.h"
#include "ir/graph.h"
#include "passes/plan/plan.h"

namespace weft::cuda {

struct OpKernel {
  ir::OpId op = ir::kNone;
  EmittedKernel kernel;
  std::vector<ir::ValueId> values;      // its arguments
  std::int64_t last_offset = 0;         // in bytes: the last one begins so far behind its value
  std::uint32_t relayouts = ir::kNone;  // the input whose row-major copy this makes; then `op` and `values` are none
};

// First copies of kernels of convolutions that ops read which want them row-major, then those of ops in the order of
// the plan; an op may have several. Matrix matmuls and convolutions are left out: those a library
// does. Throws Error for an op that neither does.
std::vector<OpKernel> kernels_of(const ir::Graph& graph, const passes::Plan& plan);

}  // namespace weft::cuda
