// Counts operations and bytes.
#include "tools/bench/cost.h"

#include "ir/contraction.h"
#include "training/feed.h"

namespace weft::tools {

using ir::Graph;
using ir::Op;

namespace {

double elements_after_first(const ir::Type& type) {
  double elements = 1;
  for (std::size_t i = 1; i < type.rank(); ++i) elements *= double(ir::number(type.dims[i]));
  return elements;
}

bool is_table(const Graph& graph, const ir::Input& input) {
  const ir::Dims& dims = graph.type(input.value).dims;
  return !dims.empty() && dims[0].symbol == training::kSizeSymbol;
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
  const std::uint32_t indices = bound.find_input(training::kIndicesInput);
  return indices == ir::kNone ? 0 : double(bound.type(bound.inputs[indices].value).elements());
}

}  // namespace

double contraction_flops(const Graph& graph) {
  double flops = 0;
  for (const Op& op : graph.ops) flops += ir::flops_of(graph, op);
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
