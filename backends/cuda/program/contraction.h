// The ops that a library computes.
#pragma once

#include <string>

#include "backends/cuda/device/device.h"
#include "ir/graph.h"

namespace weft::cuda {

// A matmul or a convolution of floats.
bool is_contraction(const ir::Graph& graph, const ir::Op& op);

// The best layout for weights: the order of the images.
std::string preferred_weights_layout(const ir::Graph& graph, const ir::Op& op);

// Floating point operations that a device performs for the op; 0 if it is not a contraction.
double device_flops(const ir::Graph& graph, const ir::Op& op);

}  // namespace weft::cuda
