// Steps (step.h) for ops over windows: convolutions and pooling.
#pragma once

#include <string>

#include "backends/cpu/program/step.h"
#include "ir/graph.h"

namespace weft::cpu {

// `weights_layout` is the memory layout of the weights: an operand or, for conv2d_weight_grad, the result.
Convolution convolution_of(const ir::Graph& graph, const ir::Op& op, const std::string& weights_layout);

// Whether the op is pooling of f32 in nhwc.
bool is_pooling(const ir::Graph& graph, const ir::Op& op);
PoolingStep pooling_of(const ir::Graph& graph, const ir::Op& op);

}  // namespace weft::cpu
