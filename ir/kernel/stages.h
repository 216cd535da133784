// When each node of a kernel is computed: at points, once per row or at the end, and after which row reductions.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "ir/kernel/kernel.h"
#include "ir/kernel/space.h"

namespace weft::kernel {

// Sets `level` and `stage` of the nodes, and `row_stages` of the kernel. `outputs`: the node of each output of `body`.
// A row reduction that no point needs joins the last stage, so that one pass suffices.
void set_stages(Kernel& kernel, const ir::Graph& body, const Space& space, const std::vector<NodeId>& outputs);

}  // namespace weft::kernel
