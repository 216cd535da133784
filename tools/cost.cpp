// Counting operations and bytes.
#include "tools/cost.h"

#include "ir/error.h"
#include "training/feed.h"

namespace weft::tools {

using ir::Graph;
using ir::Op;
using ir::OpCode;

namespace {

double elements_after_first(const ir::Type& type) {
  double elements = 1;
  for (std::size_t i = 1; i < type.rank(); ++i) elements *= double(ir::number(type.dims[i]));
  return elements;
}

double matmul_flops(const Graph& graph, const Op& op) {
  const ir::Dims& a = graph.type(op.operands[0]).dims;
  const ir::Dim& inner = a[op.attrs.integer(ir::Attr::transpose_a) != 0 ? 0 : 1];
  return 2 * double(graph.type(op.results[0]).elements()) * double(ir::number(inner));
}

// Each element of `many` meets one filter of the weights [F, ...].
double convolution_flops(const ir::Type& many, const ir::Type& weights) {
  return 2 * double(many.elements()) * elements_after_first(weights);
}

double flops_of(const Graph& graph, const Op& op) {
  const auto operand = [&](std::size_t i) -> const ir::Type& { return graph.type(op.operands[i]); };
  const ir::Type& result = graph.type(op.results[0]);
  if (op.code == OpCode::matmul) return matmul_flops(graph, op);
  if (op.code == OpCode::conv2d) return convolution_flops(result, operand(1));
  if (op.code == OpCode::conv_transpose2d) return convolution_flops(operand(0), operand(1));
  if (op.code == OpCode::conv2d_weight_grad) return convolution_flops(operand(1), result);
  // Each pair of rows once forward; once more, and for either row's gradient, on the way back.
  if (op.code == OpCode::similarity_lse) return double(operand(0).elements()) * double(result.elements());
  if (op.code == OpCode::similarity_pair) return 2 * double(operand(0).elements());
  if (op.code == OpCode::similarity_lse_grad) return 3 * double(operand(0).elements()) * double(operand(1).elements());
  check(ir::info(op.code).kind != ir::OpKind::contraction, "every contraction has a count of operations");
  return 0;
}

bool is_table(const Graph& graph, const ir::Input& input) {
  const ir::Dims& dims = graph.type(input.value).dims;
  return !dims.empty() && dims[0].symbol == training::size_symbol;
}

// Calls `visit(input of graph, input of bound)`.
template <typename Visit>
void for_inputs(const Graph& graph, const Graph& bound, Visit visit) {
  for (std::uint32_t i = 0; i < graph.inputs.size(); ++i) {
    const std::uint32_t other = bound.find_input(graph.input_name(i));
    if (other != ir::kNone) visit(graph.inputs[i], bound.inputs[other]);
  }
}

double batch_of(const Graph& bound) {
  const std::uint32_t indices = bound.find_input(training::indices_input);
  return indices == ir::kNone ? 0 : double(bound.type(bound.inputs[indices].value).elements());
}

}  // namespace

double contraction_flops(const Graph& graph) {
  double flops = 0;
  for (const Op& op : graph.ops) flops += flops_of(graph, op);
  return flops;
}

double unavoidable_bytes(const Graph& graph, const Graph& bound) {
  double bytes = 0;
  for_inputs(graph, bound, [&](const ir::Input& free, const ir::Input& input) {
    const ir::Type& type = bound.type(input.value);
    const auto row = elements_after_first(type) * double(ir::size_of(type.dtype));
    bytes += is_table(graph, free) ? batch_of(bound) * row : double(type.bytes());
  });
  for (const ir::Output& output : bound.outputs) bytes += double(bound.type(output.value).bytes());
  return bytes;
}

double step_port_bytes(const Graph& graph, const Graph& bound) {
  double bytes = 0;
  for_inputs(graph, bound, [&](const ir::Input& free, const ir::Input& input) {
    if (!is_table(graph, free)) bytes += double(bound.type(input.value).bytes());
  });
  for (const ir::Output& output : bound.outputs)
    if (output.donates == ir::kNone) bytes += double(bound.type(output.value).bytes());
  return bytes;
}

}  // namespace weft::tools
