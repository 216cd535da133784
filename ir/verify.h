// Checks what the builder guarantees, for graphs from other sources: definitions before uses, types by the type rules,
// attributes by the tables, outputs and donations, bodies of fused ops.
#pragma once

#include "ir/graph.h"

namespace weft::ir {

void verify(const Graph& graph);  // throws Error with the op and both facts

}  // namespace weft::ir
