// What is worth one kernel, among what one kernel can hold (ir/kernel/region.h).
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/kernel/region.h"

namespace weft::passes {

using kernel::is_kernel_op;
using kernel::loop_dims;

// A source that every kernel makes for itself instead of reading it from memory: constants, indices, random numbers.
bool is_recomputed(const ir::Graph& graph, const ir::Op& op);

// Whether an elementwise op is a polynomial of many terms.
bool is_costly(ir::OpCode code);
bool is_random(ir::OpCode code);

// Ops of one kernel, constants and what else is recomputed not counted. Larger kernels gain nothing and cost more than
// linear time to compile.
inline constexpr std::size_t kMostMembers = 512;

// Answers for one graph, whose dims are numbers.
class Regions : public kernel::RegionGraph {
 public:
  using RegionGraph::RegionGraph;

  // Why `members` (op ids, ascending) can not, or should not, be one kernel, or "". Takes time in proportion to them.
  std::string why_not(const std::vector<ir::OpId>& members) const;
};

}  // namespace weft::passes
