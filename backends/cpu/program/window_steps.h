// Ops over windows, convolutions and pooling, as work (step.h).
#pragma once

#include <string>

#include "backends/cpu/program/step.h"
#include "ir/graph.h"

namespace weft::cpu {

// `weights_layout` is how the weights lie in memory: an operand, but the result of conv2d_weight_grad.
Convolution convolution_of(const ir::Graph& graph, const ir::Op& op, const std::string& weights_layout);

// Whether the op is one of pooling, of f32 in nhwc.
bool is_pooling(const ir::Graph& graph, const ir::Op& op);
PoolingStep pooling_of(const ir::Graph& graph, const ir::Op& op);

}  // namespace weft::cpu
