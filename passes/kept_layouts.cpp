// Traces kernels through views, casts and packs to the slots where they are kept.
#include "passes/kept_layouts.h"

#include <algorithm>

#include "ir/contraction.h"
#include "passes/placement.h"

namespace weft::passes {

using ir::Attr;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::ValueId;

namespace {

// Whether the op reads the value as its kernel and as nothing else.
bool reads_as_kernel(const Op& op, ValueId value) {
  return ir::is_convolution(op.code) && op.code != OpCode::conv2d_weight_grad && op.operands[1] == value &&
         std::count(op.operands.begin(), op.operands.end(), value) == 1;
}

bool reads(const Op& op, ValueId value) {
  return std::find(op.operands.begin(), op.operands.end(), value) != op.operands.end();
}

}  // namespace

KeptLayouts::KeptLayouts(const ir::Graph& graph) : graph_(graph) {
  for (std::uint32_t i = 0; i < graph.inputs.size(); ++i) {
    const ir::Input& input = graph.inputs[i];
    if (input.layout.empty()) continue;
    const bool otherwise = std::any_of(graph.ops.begin(), graph.ops.end(), [&](const Op& op) {
      return reads(op, input.value) && !reads_as_kernel(op, input.value);
    });
    if (otherwise) relaid_.push_back(i);
  }
}

std::string KeptLayouts::of_weights(const Op& op) const {
  if (op.code == OpCode::conv2d_weight_grad) return of_gradient(op.results[0]);
  const ValueId kernel = op.operands[1];
  if (const Op* maker = graph_.producer(kernel))
    return maker->code == OpCode::view
               ? of_place(graph_.type(maker->operands[0]), maker->attrs.integer(Attr::offset), graph_.type(kernel))
               : "";
  for (std::uint32_t i = 0; i < graph_.inputs.size(); ++i)
    if (graph_.inputs[i].value == kernel)
      return std::count(relaid_.begin(), relaid_.end(), i) == 0 ? graph_.inputs[i].layout : "";
  return "";
}

std::string KeptLayouts::of_gradient(ValueId gradient) const {
  for (const Op& op : graph_.ops) {
    if (op.code != OpCode::pack) continue;
    const auto found = std::find_if(op.operands.begin(), op.operands.end(), [&](ValueId part) {
      return part == gradient || cast_source(graph_, part) == gradient;
    });
    if (found == op.operands.end()) continue;
    const std::int64_t offset = op.attrs.integers(Attr::offsets)[std::size_t(found - op.operands.begin())];
    return of_place(graph_.type(op.results[0]), offset, graph_.type(gradient));
  }
  return "";
}

std::string KeptLayouts::of_place(const ir::Type& vector, std::int64_t offset, const ir::Type& type) const {
  for (const ir::Input& input : graph_.inputs)
    for (const ir::Slot& slot : input.slots)
      if (graph_.type(input.value).dims == vector.dims && slot.offset == offset && slot.type.dims == type.dims)
        return slot.layout;
  return "";
}

ValueId cast_source(const ir::Graph& graph, ValueId value) {
  const Op* op = graph.producer(value);
  if (!op || op->code != OpCode::fused || op->operands.size() != 1) return kNone;
  const ir::Type &from = graph.type(op->operands[0]), &to = graph.type(value);
  return from.dims == to.dims && from.dtype != to.dtype && is_pointwise(*op, 0) ? op->operands[0] : kNone;
}

}  // namespace weft::passes
