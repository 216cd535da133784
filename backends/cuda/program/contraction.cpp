// Translates ops to matmuls and convolutions.
#include "backends/cuda/program/contraction.h"

#include "backends/cuda/ops/op_kernel.h"
#include "ir/error.h"
#include "passes/plan/plan.h"

namespace weft::cuda {

using ir::Attr;
using ir::Graph;
using ir::Op;
using ir::OpCode;
using ir::ValueId;

namespace {

constexpr const char* kChannelsLast = "ohwi";  // ir/memory_layout.h

// Buffers and ports begin at the planner's alignment; elements may begin anywhere in them.
std::uint32_t alignment_of(const passes::Place& place, ir::DType dtype) {
  std::uint32_t alignment = passes::kAlignment;
  while (place.offset * std::int64_t(ir::size_of(dtype)) % alignment != 0) alignment /= 2;
  return alignment;
}

Matrix matrix_of(const Graph& graph, ValueId value, const passes::Place& place, bool transposed) {
  const auto dims = ir::numbers(graph.type(value).dims);
  const Matrix matrix{dims[0], dims[1], place.strides[0], place.strides[1],
                      alignment_of(place, graph.type(value).dtype)};
  return transposed ? Matrix{matrix.columns, matrix.rows, matrix.column_stride, matrix.row_stride, matrix.alignment}
                    : matrix;
}

}  // namespace

bool is_contraction(const Graph& graph, const Op& op) {
  if (op.code != OpCode::matmul && !ir::is_convolution(op.code)) return false;
  const ir::DType from = graph.type(op.operands[0]).dtype, to = graph.type(op.results[0]).dtype;
  const bool is_bf16 = from == ir::DType::bf16 && (op.code == OpCode::matmul ? to == ir::DType::f32 : true);
  return is_bf16 || (from == ir::DType::f32 && to == ir::DType::f32);
}

Matmul matmul_of(const Graph& graph, const Op& op, const std::vector<passes::Place>& places) {
  const auto matrix = [&](ValueId value, bool transposed) {
    return matrix_of(graph, value, places[value], transposed);
  };
  Matmul matmul{matrix(op.operands[0], op.attrs.integer(Attr::transpose_a) != 0),
                matrix(op.operands[1], op.attrs.integer(Attr::transpose_b) != 0),
                matrix(op.results[0], false),
                op.operands.size() == 3,
                op.attrs.text(Attr::activation),
                graph.type(op.operands[0]).dtype};
  if (matmul.bias) matmul.bias_alignment = alignment_of(places[op.operands[2]], graph.type(op.operands[2]).dtype);
  return matmul;
}

Convolution convolution_of(const Graph& graph, const Op& op, const std::string& weights_layout) {
  Convolution convolution;
  static_cast<ir::ConvolutionShape&>(convolution) = ir::convolution_shape(graph, op);
  convolution.bias = op.operands.size() == 3;
  convolution.activation = op.attrs.text(Attr::activation);
  convolution.dtype = graph.type(op.operands[0]).dtype;
  check(weights_layout.empty() || weights_layout == kChannelsLast, "weights are row-major or channels last");
  convolution.w_last = !weights_layout.empty();
  return convolution;
}

std::string preferred_weights_layout(const Graph& graph, const Op& op) {
  const Convolution convolution = convolution_of(graph, op, "");
  return convolution.channels_last ? kChannelsLast : "";
}

double device_flops(const Graph& graph, const Op& op) {
  // Most similarity kernels compute each pair of rows twice, once for either row.
  const double flops = ir::flops_of(graph, op);
  if (op.code == OpCode::similarity_lse)
    return takes_pairs_once(ir::number(graph.type(op.operands[0]).dims[0])) ? flops : 2 * flops;
  return op.code == OpCode::similarity_lse_grad ? flops * 4 / 3 : flops;
}

}  // namespace weft::cuda
