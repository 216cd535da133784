// Turns regions of elementwise, broadcast, random, gather and reduce ops into `fused` ops, one kernel each.
//
// Three steps: `Search` decides which ops form a kernel and which values kernels compute again, `Outliner` builds the
// bodies, and `note_kernels_apart` tells what stayed apart.
#include <algorithm>
#include <map>

#include "ir/builder.h"
#include "ir/error.h"
#include "passes/fuse/remarks.h"
#include "passes/fuse/search.h"
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
  Outliner(const Graph& graph, const Search& search, std::uint32_t kernel)
      : graph_(graph), search_(search), kernel_(kernel), body_("fused") {}

  // The value in the body for a value of the graph.
  ValueId emit(ValueId value) {
    if (const auto found = map_.find(value); found != map_.end()) return found->second;
    const Op* op = graph_.producer(value);
    const bool inside = op && (is_free_source(graph_, *op) || search_.computes(kernel_, value));
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
  const Search& search_;
  std::uint32_t kernel_;
  Builder body_;
  std::vector<ValueId> operands_;
  std::map<ValueId, ValueId> map_, inputs_;
};

// Writes the new graph: groups and single ops, each defined before its uses.
class Emitter {
 public:
  Emitter(const Graph& graph, const Search& search)
      : graph_(graph), search_(search), builder_(graph.name), map_(graph.values.size(), kNone) {}

  Graph emit() {
    for (const ir::Input& input : graph_.inputs)
      map_[input.value] = builder_.input(graph_.values[input.value].name, graph_.type(input.value), input.role,
                                         input.init, input.slots, input.layout);
    for (OpId id = 0; id < graph_.ops.size(); ++id)
      if (search_.kernel_of(id) == kNone && !is_free_source(graph_, graph_.ops[id])) need(graph_.ops[id].results[0]);
    for (const ir::Output& output : graph_.outputs) builder_.output(output.name, need(output.value), output.donates);
    return builder_.take();
  }

 private:
  ValueId need(ValueId value) {
    if (map_[value] != kNone) return map_[value];
    const OpId id = graph_.values[value].op;
    const std::uint32_t kernel = search_.kernel_of(id);
    if (kernel != kNone)
      emit_fused(kernel, stored_values(kernel));
    else if (is_free_source(graph_, graph_.ops[id]))
      emit_fused(kNone, {value});
    else
      emit_op(graph_.ops[id]);
    check(map_[value] != kNone, "fuse: a kernel did not store a needed value");
    return map_[value];
  }

  // The results of a kernel that others read from memory.
  std::vector<ValueId> stored_values(std::uint32_t kernel) const {
    std::vector<ValueId> stored;
    for (const OpId id : search_.members(kernel)) {
      const ValueId value = graph_.ops[id].results[0];
      const std::vector<OpId>& users = search_.regions().users(value);
      const auto is_unfused = [&](OpId user) { return search_.kernel_of(user) == kNone; };
      const bool is_read = !search_.readers(value).empty() || std::any_of(users.begin(), users.end(), is_unfused);
      if (search_.regions().is_output(value) || is_read) stored.push_back(value);
    }
    return stored;
  }

  void emit_fused(std::uint32_t kernel, const std::vector<ValueId>& stored) {
    Outliner outliner(graph_, search_, kernel);
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
  const Search& search_;
  Builder builder_;
  std::vector<ValueId> map_;
};

}  // namespace

GraphPtr fuse(const GraphPtr& graph, Context& context) {
  for (const ir::Value& value : graph->values)
    if (!value.type.is_static())
      fail("fuse needs numbers for dims, but a value is {}: bind the symbols first", to_string(value.type));
  const kernel::RegionGraph regions(*graph);
  const Search search(regions);
  if (!search.fuses_any()) return graph;
  note_kernels_apart(search, context);
  return std::make_shared<const Graph>(Emitter(*graph, search).emit());
}

}  // namespace weft::passes
