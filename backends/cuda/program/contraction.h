// The ops that a library does, in the terms of device.h.
#pragma once

#include <string>

#include "backends/cuda/device/device.h"
#include "ir/graph.h"
#include "passes/plan/placement.h"

namespace weft::cuda {

// A product or a convolution of floats.
bool is_contraction(const ir::Graph& graph, const ir::Op& op);

Matmul matmul_of(const ir::Graph& graph, const ir::Op& matmul, const std::vector<passes::Place>& places);
// `weights_layout`: how its kernel lies in memory, "" or what preferred_weights_layout gives.
Convolution convolution_of(const ir::Graph& graph, const ir::Op& op, const std::string& weights_layout);
// In which a kernel is best kept: as the images lie.
std::string preferred_weights_layout(const ir::Graph& graph, const ir::Op& op);

// Operations that a device does for the op; 0 for what is no contraction.
double device_flops(const ir::Graph& graph, const ir::Op& op);

}  // namespace weft::cuda
