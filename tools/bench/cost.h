// The work that any compiled form of a graph must do: operations of contractions, and bytes read or written.
#pragma once

#include "ir/graph.h"

namespace weft::tools {

// Floating point operations of matmuls and convolutions; a multiply-add counts as two. Dims must be bound.
double contraction_flops(const ir::Graph& graph);

// `graph` is the step before `bind`, `bound` after it. An input whose first dim is the size of the data set is a table,
// of which a step reads only a batch.

// Bytes of params and state, read once and, if the step changes them, written once; plus the batch's samples, read
// once.
double unavoidable_bytes(const ir::Graph& graph, const ir::Graph& bound);
// Bytes of all inputs and outputs except tables.
double step_port_bytes(const ir::Graph& graph, const ir::Graph& bound);

}  // namespace weft::tools
