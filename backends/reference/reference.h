// The reference interpreter: plain loops, slow and obviously correct. Every test and every other backend is compared
// with it.
#pragma once

#include <vector>

#include "backends/reference/tensor.h"
#include "ir/graph.h"

namespace weft::reference {

// Computes the outputs of a static graph (every symbol bound) for the given inputs, both in the graph's order. Real is
// the arithmetic: float rounds each value to its dtype as a backend would; double keeps all digits of floats, for
// finite differences. Both handle integers and bools exactly and sum in double. Throws Error if the inputs do not match
// the graph.
template <typename Real>
std::vector<Tensor> run(const ir::Graph& graph, const std::vector<Tensor>& inputs);

extern template std::vector<Tensor> run<float>(const ir::Graph&, const std::vector<Tensor>&);
extern template std::vector<Tensor> run<double>(const ir::Graph&, const std::vector<Tensor>&);

}  // namespace weft::reference
