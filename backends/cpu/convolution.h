// A convolution op of the graph as the library's Convolution.
#pragma once

#include <string>

#include "backends/cpu/library.h"
#include "ir/graph.h"

namespace weft::cpu {

// `weights_layout` is how the weights lie in memory: an operand, but the result of conv2d_weight_grad.
Convolution convolution_of(const ir::Graph& graph, const ir::Op& op, const std::string& weights_layout);

}  // namespace weft::cpu
