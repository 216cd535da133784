// Traces convolution kernels through views, casts and packs to their slots.
#include "passes/layout/kept_layouts.h"

#include <algorithm>

#include "ir/contraction.h"

namespace weft::passes {

using ir::Attr;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::ValueId;

namespace {

// Whether the op reads the value only as its convolution kernel.
bool reads_as_kernel(const Op& op, ValueId value) {
  return ir::is_convolution(op.code) && op.code != OpCode::conv2d_weight_grad && op.operands[1] == value &&
         std::count(op.operands.begin(), op.operands.end(), value) == 1;
}

}  // namespace

KeptLayouts::KeptLayouts(const ir::Graph& graph) : graph_(graph) {
  find_relaid();
  for (const ir::Input& input : graph.inputs)
    for (const ir::Slot& slot : input.slots) slots_at_[slot.offset].push_back({&input, &slot});
  for (const Op& op : graph.ops) {
    if (op.code != OpCode::pack) continue;
    const std::vector<std::int64_t> offsets = op.attrs.integers(Attr::offsets);
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      const ValueId part = op.operands[i];
      packed_.try_emplace(part, op.results[0], offsets[i]);
      if (const ValueId source = cast_source(graph, part); source != kNone)
        packed_.try_emplace(source, op.results[0], offsets[i]);
    }
  }
}

void KeptLayouts::find_relaid() {
  std::vector<std::vector<ir::OpId>> users;
  for (std::uint32_t i = 0; i < graph_.inputs.size(); ++i) {
    const ir::Input& input = graph_.inputs[i];
    input_of_[input.value] = i;
    if (input.layout.empty()) continue;
    if (users.empty()) users = ir::users_of(graph_);
    const std::vector<ir::OpId>& readers = users[input.value];
    if (!std::all_of(readers.begin(), readers.end(),
                     [&](ir::OpId id) { return reads_as_kernel(graph_.ops[id], input.value); }))
      relaid_.push_back(i);
  }
}

std::string KeptLayouts::of_weights(const Op& op) const {
  if (op.code == OpCode::conv2d_weight_grad) return of_gradient(op.results[0]);
  const ValueId kernel = op.operands[1];
  if (const Op* maker = graph_.producer(kernel))
    return maker->code == OpCode::view
               ? of_place(graph_.type(maker->operands[0]), maker->attrs.integer(Attr::offset), graph_.type(kernel))
               : "";
  const std::uint32_t input = input_of_.at(kernel);
  return std::binary_search(relaid_.begin(), relaid_.end(), input) ? "" : graph_.inputs[input].layout;
}

std::string KeptLayouts::of_gradient(ValueId gradient) const {
  const auto found = packed_.find(gradient);
  if (found == packed_.end()) return "";
  const auto& [pack, offset] = found->second;
  return of_place(graph_.type(pack), offset, graph_.type(gradient));
}

std::string KeptLayouts::of_place(const ir::Type& vector, std::int64_t offset, const ir::Type& type) const {
  const auto found = slots_at_.find(offset);
  if (found == slots_at_.end()) return "";
  for (const auto& [input, slot] : found->second)
    if (graph_.type(input->value).dims == vector.dims && slot->type.dims == type.dims) return slot->layout;
  return "";
}

namespace {

// Whether the body computes the output element by element from operands at the same index.
bool is_elementwise(const ir::Graph& body, ValueId output) {
  std::vector<bool> needed(body.values.size(), false);
  needed[output] = true;
  for (ir::OpId id = ir::OpId(body.ops.size()); id-- > 0;) {
    const Op& op = body.ops[id];
    if (!needed[op.results[0]]) continue;
    if (ir::info(op.code).kind == ir::OpKind::reduce || ir::reads_elsewhere(op.code)) return false;
    for (const ValueId operand : op.operands) needed[operand] = true;
  }
  return true;
}

}  // namespace

ValueId cast_source(const ir::Graph& graph, ValueId value) {
  const Op* op = graph.producer(value);
  if (!op || op->code != OpCode::fused || op->operands.size() != 1) return kNone;
  const ir::Type &from = graph.type(op->operands[0]), &to = graph.type(value);
  if (from.dims != to.dims || from.dtype == to.dtype) return kNone;
  const auto result = std::find(op->results.begin(), op->results.end(), value) - op->results.begin();
  return is_elementwise(*op->body, op->body->outputs[std::size_t(result)].value) ? op->operands[0] : kNone;
}

}  // namespace weft::passes
