// Random graphs of ops that fuse, move and multiply, and random inputs for them: what passes and backends are compared
// on.
#pragma once

#include "backends/reference/tensor.h"
#include "ir/graph.h"

namespace weft::test {

// A graph over [rows, columns] values and what broadcasts with them; the same for the same seed. Values stay moderate.
ir::GraphPtr random_graph(unsigned seed);

// Inputs in the graph's order: floats in [-1, 1), indices inside their tables, seeds for rng inputs.
std::vector<reference::Tensor> random_inputs(const ir::Graph& graph, unsigned seed);

// Largest |a - b| / (1 + |b|) over all elements; infinity where types or NaNs differ.
double largest_difference(const std::vector<reference::Tensor>& a, const std::vector<reference::Tensor>& b);

}  // namespace weft::test
