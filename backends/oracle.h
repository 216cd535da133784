// The reference interpreter as passes/check_each.h wants it: in double, so that a difference is a pass's and not one of
// rounding.
#pragma once

#include "ir/graph.h"
#include "passes/check_each.h"

namespace weft {

// The outputs of a static graph by name; `inputs` holds each input of it. Throws Error where they do not fit.
passes::Values run_oracle(const ir::Graph& graph, const passes::Values& inputs);

}  // namespace weft
