// Translates ops to matmuls and convolutions.
#include "backends/cuda/program/contraction.h"

#include "backends/cuda/ops/op_kernel.h"
#include "ir/contraction.h"

namespace weft::cuda {

using ir::Graph;
using ir::Op;
using ir::OpCode;

bool is_contraction(const Graph& graph, const Op& op) {
  if (op.code != OpCode::matmul && !ir::is_convolution(op.code)) return false;
  const ir::DType from = graph.type(op.operands[0]).dtype, to = graph.type(op.results[0]).dtype;
  const bool is_bf16 = from == ir::DType::bf16 && (op.code == OpCode::matmul ? to == ir::DType::f32 : true);
  return is_bf16 || (from == ir::DType::f32 && to == ir::DType::f32);
}

std::string preferred_weights_layout(const Graph& graph, const Op& op) {
  return ir::convolution_shape(graph, op).channels_last ? kChannelsLast : "";
}

double device_flops(const Graph& graph, const Op& op) {
  // Most similarity kernels compute each pair of rows twice, once for either row.
  const double flops = ir::flops_of(graph, op);
  if (op.code == OpCode::similarity_lse)
    return takes_pairs_once(ir::number(graph.type(op.operands[0]).dims[0])) ? flops : 2 * flops;
  return op.code == OpCode::similarity_lse_grad ? flops * 4 / 3 : flops;
}

}  // namespace weft::cuda
