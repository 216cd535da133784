// The part of a graph that becomes source: the kernels of fused ops and of hand-written ops.
#pragma once

#include <vector>

#include "backends/cuda/codegen/emit.h"
#include "ir/graph.h"
#include "passes/plan/plan.h"

namespace weft::cuda {

struct OpKernel {
  ir::OpId op = ir::kNone;
  EmittedKernel kernel;
  std::vector<ir::ValueId> values;  // its arguments
  std::int64_t last_offset = 0;     // byte offset of the last argument within its value
  // The input whose row-major copy this makes; then `op` is kNone and `values` is empty.
  std::uint32_t relayouts = ir::kNone;
};

// First row-major copies of convolution weights for the ops that need them, then the kernels of ops in the order of the
// plan; an op may have several. Skips matmuls and convolutions, which libraries compute. Throws Error for an op that
// neither covers.
std::vector<OpKernel> kernels_of(const ir::Graph& graph, const passes::Plan& plan);

}  // namespace weft::cuda
