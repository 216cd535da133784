// The reference interpreter: plain loops, slow, obviously right. The oracle of every test and every other backend.
#pragma once

#include <vector>

#include "backends/reference/tensor.h"
#include "ir/graph.h"

namespace weft::reference {

// The outputs of a static graph (every symbol bound) for the given inputs, both in the graph's order. Real is the
// arithmetic: float rounds each value to its dtype as a backend would; double keeps all digits of floats, for finite
// differences. Integers and bools are exact in both. Sums are accumulated in double. Throws Error where the inputs do
// not fit the graph.
template <typename Real>
std::vector<Tensor> run(const ir::Graph& graph, const std::vector<Tensor>& inputs);

extern template std::vector<Tensor> run<float>(const ir::Graph&, const std::vector<Tensor>&);
extern template std::vector<Tensor> run<double>(const ir::Graph&, const std::vector<Tensor>&);

}  // namespace weft::reference
