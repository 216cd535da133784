// The reference interpreter as passes/check_each.h expects it: in double, so that differences come from a pass and not
// from rounding.
#pragma once

#include "ir/graph.h"
#include "passes/check_each.h"

namespace weft {

// The outputs of a static graph by name; `inputs` must hold each of its inputs. Throws Error if they do not match.
passes::Values run_oracle(const ir::Graph& graph, const passes::Values& inputs);

}  // namespace weft
