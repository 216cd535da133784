// The ops that a library computes, in the terms of device.h.
#pragma once

#include <string>

#include "backends/cuda/device/device.h"
#include "ir/graph.h"
#include "passes/plan/placement.h"

namespace weft::cuda {

// A matmul or a convolution of floats.
bool is_contraction(const ir::Graph& graph, const ir::Op& op);

Matmul matmul_of(const ir::Graph& graph, const ir::Op& matmul, const std::vector<passes::Place>& places);
// `weights_layout`: the memory layout of the weights, "" or the one of preferred_weights_layout.
Convolution convolution_of(const ir::Graph& graph, const ir::Op& op, const std::string& weights_layout);
// The best layout for weights: the order of the images.
std::string preferred_weights_layout(const ir::Graph& graph, const ir::Op& op);

// Floating point operations that a device performs for the op; 0 if it is not a contraction.
double device_flops(const ir::Graph& graph, const ir::Op& op);

}  // namespace weft::cuda
