// What a graph must do whatever compiles it: operations of its contractions, and bytes that must be read or written.
#pragma once

#include "ir/graph.h"

namespace weft::tools {

// Floating point operations of matmuls and convolutions; a multiply and an add are two. Dims are numbers.
double contraction_flops(const ir::Graph& graph);

// `graph` is the step before `bind`, `bound` the same after: its inputs tell the tables of a data set (their first dim
// is the size of the data set), of which a step reads only its batch.

// Params and state read once and, where the step changes them, written once; the samples of the batch read once.
double unavoidable_bytes(const ir::Graph& graph, const ir::Graph& bound);
// The memory of all inputs and outputs, the tables left out.
double step_port_bytes(const ir::Graph& graph, const ir::Graph& bound);

}  // namespace weft::tools
