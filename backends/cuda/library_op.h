// The ops that a library does, in the terms of device.h.
#pragma once

#include "backends/cuda/device.h"
#include "ir/graph.h"
#include "passes/placement.h"

namespace weft::cuda {

bool is_convolution(ir::OpCode code);  // conv2d, conv_transpose2d, conv2d_weight_grad
// A product or a convolution of floats.
bool is_library_op(const ir::Graph& graph, const ir::Op& op);

Product product_of(const ir::Graph& graph, const ir::Op& matmul, const std::vector<passes::Place>& places);
// Without bias and activation: the target of cuda.h/program.h leaves them to kernels.
Convolution convolution_of(const ir::Graph& graph, const ir::Op& op);

double flops_of(const ir::Graph& graph, const ir::Op& op);  // 0 for what is no contraction

}  // namespace weft::cuda
