// Which ops are worth one kernel, of those that one kernel can hold (ir/kernel/region.h).
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/kernel/region.h"

namespace weft::passes {

using kernel::is_kernel_op;
using kernel::loop_dims;

// Sources that every kernel computes instead of loading: constants, indices, random numbers.
bool is_recomputed(const ir::Graph& graph, const ir::Op& op);

// Largest number of ops per kernel, not counting recomputed ones. Larger kernels gain nothing and compile in more than
// linear time.
inline constexpr std::size_t kMostMembers = 512;

// Answers for one graph with bound dims.
class Regions : public kernel::RegionGraph {
 public:
  using RegionGraph::RegionGraph;

  // Why `members` (op ids, ascending) cannot, or should not, form one kernel; "" if they can. Takes linear time.
  std::string why_not(const std::vector<ir::OpId>& members) const;
};

}  // namespace weft::passes
