// Turns regions of elementwise, broadcast, random, gather and reduce ops into `fused` ops, one kernel each.
//
// Three steps: `Grouping` decides which ops form a kernel, `Recompute` which results to recompute instead of storing,
// and `Outliner` builds the bodies.
#include <algorithm>
#include <map>

#include "ir/builder.h"
#include "ir/error.h"
#include "passes/fuse/groups.h"
#include "passes/fuse/recompute.h"
#include "passes/fuse/region.h"
#include "passes/passes.h"

namespace weft::passes {

using ir::Builder;
using ir::Graph;
using ir::kNone;
using ir::Op;
using ir::OpId;
using ir::ValueId;

namespace {

// Builds one body from its members and recomputed ops; all other operands become inputs.
class Outliner {
 public:
  Outliner(const Graph& graph, const Grouping& grouping, const Recompute& recompute, std::uint32_t group)
      : graph_(graph), grouping_(grouping), recompute_(recompute), group_(group), body_("fused") {}

  // The value in the body for a value of the graph.
  ValueId emit(ValueId value) {
    if (const auto found = map_.find(value); found != map_.end()) return found->second;
    const Op* op = graph_.producer(value);
    const bool member = op && group_ != kNone && grouping_.group_of(graph_.values[value].op) == group_;
    const bool inside = member || (op && (is_recomputed(graph_, *op) || recompute_.contains(value)));
    if (!inside) return input(value);
    const ValueId result = emit_op(*op, value);
    return map_[value] = result;
  }

  void output(ValueId value) {
    const std::string& name = graph_.values[value].name;
    const bool taken = name.empty() || body_.has_output(name);
    body_.output(taken ? fmt::format("out{}", body_.graph().outputs.size()) : name, emit(value));
  }

  const std::vector<ValueId>& operands() const { return operands_; }
  ir::GraphPtr take() { return std::make_shared<const Graph>(body_.take()); }

 private:
  ValueId emit_op(const Op& op, ValueId value) {
    std::vector<ValueId> operands;
    for (const ValueId operand : op.operands)
      operands.push_back(is_drawn_first(op, operand) ? input(operand) : emit(operand));
    body_.set_where(op.location);
    return body_.create(op.code, std::move(operands), op.attrs, graph_.type(value), graph_.values[value].name);
  }

  // Random numbers read at computed indices come from memory.
  bool is_drawn_first(const Op& reader, ValueId operand) const {
    const Op* op = graph_.producer(operand);
    return ir::reads_elsewhere(reader.code) && op && ir::has(op->code, ir::Trait::random);
  }

  ValueId input(ValueId value) {
    if (const auto found = inputs_.find(value); found != inputs_.end()) return found->second;
    operands_.push_back(value);
    const std::string& name = graph_.values[value].name;
    const bool taken = name.empty() || body_.has_input(name);
    return inputs_[value] = body_.input(taken ? fmt::format("in{}", operands_.size() - 1) : name, graph_.type(value));
  }

  const Graph& graph_;
  const Grouping& grouping_;
  const Recompute& recompute_;
  std::uint32_t group_;
  Builder body_;
  std::vector<ValueId> operands_;
  std::map<ValueId, ValueId> map_, inputs_;
};

// Writes the new graph: groups and single ops, each defined before its uses.
class Emitter {
 public:
  Emitter(const Graph& graph, const Grouping& grouping, const Recompute& recompute)
      : graph_(graph),
        grouping_(grouping),
        recompute_(recompute),
        builder_(graph.name),
        map_(graph.values.size(), kNone) {}

  Graph emit() {
    for (const ir::Input& input : graph_.inputs)
      map_[input.value] = builder_.input(graph_.values[input.value].name, graph_.type(input.value), input.role,
                                         input.init, input.slots, input.layout);
    for (OpId id = 0; id < graph_.ops.size(); ++id)
      if (grouping_.group_of(id) == kNone && !is_recomputed(graph_, graph_.ops[id])) need(graph_.ops[id].results[0]);
    for (const ir::Output& output : graph_.outputs) builder_.output(output.name, need(output.value), output.donates);
    return builder_.take();
  }

 private:
  ValueId need(ValueId value) {
    if (map_[value] != kNone) return map_[value];
    const OpId id = graph_.values[value].op;
    const std::uint32_t group = grouping_.group_of(id);
    if (group != kNone)
      emit_fused(group, stored_values(group));
    else if (is_recomputed(graph_, graph_.ops[id]))
      emit_fused(kNone, {value});
    else
      emit_op(graph_.ops[id]);
    check(map_[value] != kNone, "fuse: a kernel did not store a needed value");
    return map_[value];
  }

  // The results of a group that ops outside read from memory.
  std::vector<ValueId> stored_values(std::uint32_t group) const {
    std::vector<ValueId> stored;
    for (const OpId id : grouping_.groups().at(group)) {
      const ValueId value = graph_.ops[id].results[0];
      const bool is_output = grouping_.regions().is_output(value);
      const bool is_read = std::any_of(grouping_.users(value).begin(), grouping_.users(value).end(), [&](OpId user) {
        return grouping_.group_of(user) == kNone || (grouping_.group_of(user) != group && !recompute_.contains(value));
      });
      if (is_output || is_read) stored.push_back(value);
    }
    return stored;
  }

  void emit_fused(std::uint32_t group, const std::vector<ValueId>& stored) {
    Outliner outliner(graph_, grouping_, recompute_, group);
    for (const ValueId value : stored) outliner.output(value);
    std::vector<ValueId> operands;
    for (const ValueId operand : outliner.operands()) operands.push_back(need(operand));
    builder_.set_where(graph_.producer(stored.back())->location);
    const std::vector<ValueId> results = builder_.fused(std::move(operands), outliner.take());
    for (std::size_t i = 0; i < stored.size(); ++i) map_[stored[i]] = results[i];
  }

  void emit_op(const Op& op) {
    std::vector<ValueId> operands;
    for (const ValueId operand : op.operands) operands.push_back(need(operand));
    builder_.set_where(op.location);
    const ValueId old = op.results[0];
    map_[old] = builder_.create(op.code, std::move(operands), op.attrs, graph_.type(old), graph_.values[old].name);
  }

  const Graph& graph_;
  const Grouping& grouping_;
  const Recompute& recompute_;
  Builder builder_;
  std::vector<ValueId> map_;
};

// Notes each large value that one kernel stores and another loads.
void note_stored_values(const Graph& graph, const Grouping& grouping, const Recompute& recompute, Context& context) {
  for (const auto& [group, members] : grouping.groups())
    for (const OpId id : members)
      for (const ValueId operand : graph.ops[id].operands) {
        const OpId maker = graph.values[operand].op;
        if (maker == kNone || recompute.contains(operand) || graph.type(operand).elements() <= 1) continue;
        const std::uint32_t other = grouping.group_of(maker);
        if (other == kNone || other == group) continue;
        context.notes.push_back({"fuse", graph.ops[id].location,
                                 fmt::format("{} is not in the kernel that computes its operand {}, {} bytes: {}",
                                             ir::name(graph.ops[id].code), to_string(graph.type(operand)),
                                             graph.type(operand).bytes(), grouping.why_apart(other, group))});
      }
}

}  // namespace

GraphPtr fuse(const GraphPtr& graph, Context& context) {
  for (const ir::Value& value : graph->values)
    if (!value.type.is_static())
      fail("fuse needs numbers for dims, but a value is {}: bind the symbols first", to_string(value.type));
  const Regions regions(*graph);
  const Grouping grouping(*graph, regions);
  if (grouping.groups().empty()) return graph;
  const Recompute recompute(*graph, grouping);
  note_stored_values(*graph, grouping, recompute, context);
  return std::make_shared<const Graph>(Emitter(*graph, grouping, recompute).emit());
}

}  // namespace weft::passes
