// Random graphs of ops that fuse, move and multiply, with random inputs, to compare passes and backends.
#pragma once

#include "backends/reference/tensor.h"
#include "ir/graph.h"

namespace weft::test {

// A graph over values of [rows, columns] and of dims that broadcast with them; deterministic per seed. Values keep
// moderate magnitudes.
ir::GraphPtr random_graph(unsigned seed);

// Inputs in graph order: floats in [-1, 1), indices within their tables, seeds for rng inputs.
std::vector<reference::Tensor> random_inputs(const ir::Graph& graph, unsigned seed);

// Largest |a - b| / (1 + |b|) over all elements; infinity if types or NaNs differ.
double largest_difference(const std::vector<reference::Tensor>& a, const std::vector<reference::Tensor>& b);

}  // namespace weft::test
