// What one kernel can compute: the rules of backends/kernel/lower.h, asked of a set of ops before they are fused.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace weft::passes {

// Whether an op may stand in a fused body at all.
bool is_fusible(const ir::Graph& graph, const ir::Op& op);

// A source that every kernel makes for itself instead of reading it from memory: constants, indices, random numbers.
bool is_recomputed(const ir::Graph& graph, const ir::Op& op);

// Whether an elementwise op is a polynomial of many terms.
bool is_costly(ir::OpCode code);
bool is_random(ir::OpCode code);

// The dims an op loops over: those of its operand for a reduction, of its result otherwise.
const ir::Dims& loop_dims(const ir::Graph& graph, const ir::Op& op);

// Why `members` (op ids, ascending) can not be one kernel, or "" if they can. The graph's dims are numbers.
std::string why_not_one_kernel(const ir::Graph& graph, const std::vector<ir::OpId>& members);

}  // namespace weft::passes
