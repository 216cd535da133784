// Kernels of convolutions are kept in the layout that the target wants, with their gradients and moments: no step
// reorders them. Sums over a flat vector and elementwise work on it do not see the order of its elements, so a layout
// may be given to every slot that only convolutions look into.
#include <algorithm>

#include "ir/memory_layout.h"
#include "passes/kept_layouts.h"
#include "passes/passes.h"

namespace weft::passes {

using ir::Attr;
using ir::Graph;
using ir::Input;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::Slot;
using ir::ValueId;

namespace {

bool is_convolution(OpCode code) { return code == OpCode::conv2d || code == OpCode::conv_transpose2d; }

class Finder {
 public:
  Finder(const Graph& graph, const Target& target) : graph_(graph), target_(target), users_(users_of(graph)) {
    for (const Input& input : graph.inputs)
      if (!input.slots.empty()) flat_.push_back(&input);
  }

  // The layout of a slot, "" for row-major.
  std::string layout_of(const Slot& slot) const {
    if (target_.kept_layouts) return kept(param_at(slot));
    const Op* reader = nullptr;
    if (slot.type.rank() != 4 || !only_convolutions_see(slot, reader) || !reader) return "";
    const std::string wanted = target_.weights_layout(graph_, *reader);
    return ir::memory_layout_misfit(wanted, slot.type).empty() ? wanted : "";
  }

  std::string layout_of(const Input& input) const {
    return target_.kept_layouts && input.slots.empty() ? kept(graph_.values[input.value].name) : "";
  }

 private:
  std::string kept(const std::string& name) const {
    const auto found = target_.kept_layouts->find(name);
    return found == target_.kept_layouts->end() ? "" : found->second;
  }

  // Moments stand beside the params, and may have names of their own.
  std::string param_at(const Slot& slot) const {
    for (const Input* input : flat_)
      for (const Slot& each : input->slots)
        if (input->role == ir::Role::param && each.offset == slot.offset && each.type == slot.type) return each.name;
    return slot.name;
  }

  static bool overlap(const Slot& slot, std::int64_t offset, std::int64_t count) {
    return offset < slot.offset + slot.type.elements() && slot.offset < offset + count;
  }

  // In every flat input, in every vector packed to be combined with one, and in casts of one.
  bool only_convolutions_see(const Slot& slot, const Op*& reader) const {
    for (const Input* input : flat_)
      if (!vector_allows(input->value, slot, reader)) return false;
    for (const Op& op : graph_.ops)
      for (const ValueId result : op.results) {
        if (!is_flat(result) || op.code == OpCode::view) continue;
        if (op.code == OpCode::fused && !is_cast_of_flat(result)) {
          if (is_viewed(result)) return false;
        } else if (!vector_allows(result, slot, reader) || (op.code == OpCode::pack && !pack_allows(op, slot))) {
          return false;
        }
      }
    return true;
  }

  bool is_flat(ValueId value) const {
    return std::any_of(flat_.begin(), flat_.end(),
                       [&](const Input* input) { return graph_.type(input->value).dims == graph_.type(value).dims; });
  }

  bool is_cast_of_flat(ValueId value) const {
    const ValueId source = cast_source(graph_, value);
    return std::any_of(flat_.begin(), flat_.end(), [&](const Input* input) { return input->value == source; });
  }

  bool is_viewed(ValueId value) const {
    return std::any_of(users_[value].begin(), users_[value].end(),
                       [&](OpId user) { return graph_.ops[user].code == OpCode::view; });
  }

  // Fused ops see all of a vector alike; each view of the slot is of the whole slot, and read by convolutions alone.
  bool vector_allows(ValueId vector, const Slot& slot, const Op*& reader) const {
    for (const OpId id : users_[vector]) {
      const Op& user = graph_.ops[id];
      if (user.code == OpCode::fused) continue;
      if (user.code != OpCode::view) return false;
      const ir::Type& type = graph_.type(user.results[0]);
      if (!overlap(slot, user.attrs.integer(Attr::offset), type.elements())) continue;
      if (user.attrs.integer(Attr::offset) != slot.offset || type.dims != slot.type.dims || is_output(user.results[0]))
        return false;
      for (const OpId each : users_[user.results[0]]) {
        const Op& op = graph_.ops[each];
        if (!is_convolution(op.code) || op.operands[0] == user.results[0]) return false;
        reader = &op;
      }
    }
    return true;
  }

  // What stands in the slot is the gradient that a convolution made for it, and nothing else reads that.
  bool pack_allows(const Op& pack, const Slot& slot) const {
    const std::vector<std::int64_t> offsets = pack.attrs.integers(Attr::offsets);
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      const ValueId part = pack.operands[i];
      if (!overlap(slot, offsets[i], graph_.type(part).elements())) continue;
      const ValueId source = cast_source(graph_, part);
      if (offsets[i] != slot.offset || !is_gradient_alone(part, source == kNone ? part : source)) return false;
    }
    return true;
  }

  // What a convolution made, read once: by the pack, or by the cast that the pack reads.
  bool is_gradient_alone(ValueId part, ValueId gradient) const {
    const Op* maker = graph_.producer(gradient);
    return maker && maker->code == OpCode::conv2d_weight_grad && users_[part].size() == 1 && !is_output(part) &&
           users_[gradient].size() == 1 && !is_output(gradient);
  }

  bool is_output(ValueId value) const {
    return std::any_of(graph_.outputs.begin(), graph_.outputs.end(),
                       [&](const ir::Output& output) { return output.value == value; });
  }

  const Graph& graph_;
  const Target& target_;
  std::vector<std::vector<OpId>> users_;
  std::vector<const Input*> flat_;
};

}  // namespace

GraphPtr weight_layout(const GraphPtr& graph, Context& context) {
  if (!context.target.weights_layout && !context.target.kept_layouts) return graph;
  const Finder finder(*graph, context.target);
  Graph result = *graph;
  bool changed = false;
  for (Input& input : result.inputs) {
    const auto set = [&](std::string& layout, std::string now) {
      changed = changed || layout != now;
      layout = std::move(now);
    };
    set(input.layout, finder.layout_of(input));
    for (Slot& slot : input.slots) set(slot.layout, finder.layout_of(slot));
  }
  return changed ? std::make_shared<const Graph>(std::move(result)) : graph;
}

}  // namespace weft::passes
