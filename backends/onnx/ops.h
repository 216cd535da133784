// ONNX forms of the graph's ops: each function adds nodes and gives the name of the result's value. Ops without a form
// throw Error with their place.
#pragma once

#include <string>

#include "backends/onnx/emitter.h"
#include "ir/graph.h"

namespace weft::onnx {

// Of any op.
std::string translate(Emitter& emit, const ir::Op& op);

// Those that take more than a line.
std::string translate_elementwise(Emitter& emit, const ir::Op& op);
std::string translate_matmul(Emitter& emit, const ir::Op& op);
std::string translate_convolution(Emitter& emit, const ir::Op& op);  // conv2d, conv_transpose2d
std::string translate_pooling(Emitter& emit, const ir::Op& op);
std::string translate_affine_sample(Emitter& emit, const ir::Op& op);
std::string translate_slice(Emitter& emit, const ir::Op& op);
std::string translate_pad(Emitter& emit, const ir::Op& op);
std::string translate_gather(Emitter& emit, const ir::Op& op);
std::string translate_scatter_add(Emitter& emit, const ir::Op& op);
std::string translate_iota(Emitter& emit, const ir::Op& op);
std::string translate_dim_size(Emitter& emit, const ir::Op& op);
std::string translate_random(Emitter& emit, const ir::Op& op);

}  // namespace weft::onnx
