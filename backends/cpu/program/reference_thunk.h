// Runs an op that this backend has no code for in the reference interpreter. Slow, and it allocates.
#pragma once

#include <memory>

#include "backends/cpu/program/thunk.h"
#include "ir/graph.h"

namespace weft::cpu {

std::unique_ptr<Thunk> make_reference_thunk(const ir::Graph& graph, const ir::Op& op);

}  // namespace weft::cpu
