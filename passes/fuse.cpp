// Makes regions of elementwise, broadcast, random, gather and reduce ops into `fused` ops, one kernel each.
//
// Three steps. `Grouping` decides which ops belong together: along every producer-consumer edge, then between ops that
// read the same large value, groups merge while one kernel can compute them (region.h) and no path leaves a group and
// comes back. `find_recomputed` decides which results are cheaper to compute again than to store. `Outliner` builds the
// bodies.
#include <algorithm>
#include <map>
#include <set>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/window.h"
#include "passes/passes.h"
#include "passes/region.h"

namespace weft::passes {

using ir::Builder;
using ir::Graph;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::OpKind;
using ir::ValueId;

namespace {

constexpr int kCheapCost =
    24;  // how much arithmetic an element may cost to be recomputed rather than stored and loaded

// Arithmetic of one element, in simple operations; a source is made again in any case.
int cost(const Graph& graph, const Op& op) {
  if (is_recomputed(graph, op)) return 0;
  return is_costly(op.code) ? 8 : 1;
}

constexpr double kWorthStoring = 1.25;  // loads that spare a value its store and load may have so many times its bytes

class Grouping {
 public:
  explicit Grouping(const Graph& graph)
      : graph_(graph), group_of_(graph.ops.size(), kNone), users_(graph.values.size()) {
    for (OpId id = 0; id < graph.ops.size(); ++id) {
      for (const ValueId operand : graph.ops[id].operands) users_[operand].push_back(id);
      if (is_fusible(graph, graph.ops[id]) && !is_recomputed(graph, graph.ops[id])) start(id);
    }
    merge_along_edges();
    merge_siblings();
  }

  // The group of an op, kNone for an op that stays as it is or is recomputed where it is needed.
  std::uint32_t group_of(OpId id) const { return group_of_[id]; }
  const std::map<std::uint32_t, std::vector<OpId>>& groups() const { return members_; }
  const std::vector<OpId>& users(ValueId value) const { return users_[value]; }

  // Why two groups can not be one, "" if they can.
  std::string why_apart(std::uint32_t a, std::uint32_t b) const {
    if (std::string reason = why_not_one_kernel(graph_, both(a, b)); !reason.empty()) return reason;
    if (has_detour(a, b) || has_detour(b, a)) return "something between them is needed first";
    return {};
  }

 private:
  void start(OpId id) {
    group_of_[id] = id;
    members_[id] = {id};
  }

  void merge_along_edges() {
    for (OpId id = 0; id < graph_.ops.size(); ++id) {
      if (group_of_[id] == kNone) continue;
      for (const ValueId operand : graph_.ops[id].operands) {
        const OpId producer = graph_.values[operand].op;
        if (producer == kNone || group_of_[producer] == kNone) continue;
        try_merge(group_of_[producer], group_of_[id]);
      }
    }
  }

  // Readers of one large value share the load.
  void merge_siblings() {
    for (ValueId value = 0; value < graph_.values.size(); ++value) {
      const std::vector<OpId>& readers = users_[value];
      for (std::size_t i = 1; i < readers.size(); ++i)
        if (reads_fully(readers[0], value) && reads_fully(readers[i], value))
          try_merge(group_of_[readers[0]], group_of_[readers[i]]);
    }
  }

  bool reads_fully(OpId reader, ValueId value) const {
    return group_of_[reader] != kNone && graph_.type(value).elements() > 1 &&
           loop_dims(graph_, graph_.ops[reader]) == graph_.type(value).dims;
  }

  void try_merge(std::uint32_t a, std::uint32_t b) {
    if (a == b || !why_apart(a, b).empty()) return;
    for (const OpId id : members_[b]) group_of_[id] = a;
    members_[a] = both(a, b);
    members_.erase(b);
  }

  std::vector<OpId> both(std::uint32_t a, std::uint32_t b) const {
    std::vector<OpId> ops = members_.at(a);
    ops.insert(ops.end(), members_.at(b).begin(), members_.at(b).end());
    std::sort(ops.begin(), ops.end());
    return ops;
  }

  // A path from `from` to `to` through ops of neither.
  bool has_detour(std::uint32_t from, std::uint32_t to) const {
    std::set<std::uint32_t> seen;
    std::vector<OpId> stack;
    const auto visit_users = [&](const std::vector<OpId>& ops, bool leaving) -> bool {
      for (const OpId id : ops)
        for (const ValueId result : graph_.ops[id].results)
          for (const OpId user : users_[result]) {
            if (group_of_[user] == from) continue;
            if (group_of_[user] == to) {
              if (!leaving) return true;
              continue;
            }
            if (seen.insert(node(user)).second) stack.push_back(user);
          }
      return false;
    };
    visit_users(members_.at(from), true);
    while (!stack.empty()) {
      const OpId id = stack.back();
      stack.pop_back();
      const std::uint32_t group = group_of_[id];
      if (visit_users(group == kNone ? std::vector<OpId>{id} : members_.at(group), false)) return true;
    }
    return false;
  }

  // Groups have the id of a member, so they never clash with the ids of ops that stay alone.
  std::uint32_t node(OpId id) const { return group_of_[id] == kNone ? id : group_of_[id]; }

  const Graph& graph_;
  std::vector<std::uint32_t> group_of_;
  std::map<std::uint32_t, std::vector<OpId>> members_;
  std::vector<std::vector<OpId>> users_;
};

// Results of one group that other groups compute again for themselves.
class Recompute {
 public:
  Recompute(const Graph& graph, const Grouping& grouping)
      : graph_(graph), grouping_(grouping), is_output_(graph.values.size(), false) {
    for (const ir::Output& output : graph.outputs) is_output_[output.value] = true;
    for (const auto& [group, members] : grouping.groups())
      for (const OpId id : members)
        for (const ValueId operand : graph.ops[id].operands) loads_[group].insert(operand);
    // What one value makes its readers load, the next has for nothing.
    while (add_values()) {
    }
  }

  bool contains(ValueId value) const { return values_.count(value) != 0; }

 private:
  bool add_values() {
    bool added = false;
    for (const auto& [group, members] : grouping_.groups())
      for (const OpId id : members) {
        const ValueId value = graph_.ops[id].results[0];
        if (is_output_[value] || contains(value) || !is_used_by_other_groups_alone(group, value)) continue;
        Closure closure;
        if (!add_to_closure(group, value, closure) || !is_cheap(group, value, closure)) continue;
        for (const OpId user : grouping_.users(value)) {
          for (const auto& [load, bytes] : closure.loads) loads_[grouping_.group_of(user)].insert(load);
          for (const ValueId inside : closure.inside) added_[grouping_.group_of(user)].insert(graph_.values[inside].op);
        }
        // With what it is computed from: another group has no other way to those.
        values_.merge(closure.inside);
        added = true;
      }
    return added;
  }

  bool is_used_by_other_groups_alone(std::uint32_t group, ValueId value) const {
    bool used_outside = false;
    for (const OpId user : grouping_.users(value)) {
      if (grouping_.group_of(user) == kNone) return false;
      used_outside |= grouping_.group_of(user) != group;
    }
    return used_outside;
  }

  // What a value is computed from inside its group, and how many bytes of what that loads.
  struct Closure {
    int cost = 0;
    bool stays = false;  // can not be evaluated at the places that a gather or a sample reads
    bool has_windows = false;
    std::set<ValueId> inside;
    std::map<ValueId, std::int64_t> loads;
  };

  bool is_cheap(std::uint32_t group, ValueId value, const Closure& closure) const {
    for (const OpId user : grouping_.users(value)) {
      const std::uint32_t reader = grouping_.group_of(user);
      if (reader == group) continue;
      if (graph_.type(value).elements() > 1 && loop_dims(graph_, graph_.ops[user]) != graph_.type(value).dims)
        return false;
      if (closure.stays && is_read_elsewhere(user)) return false;
      if (closure.has_windows && !fits(reader, closure)) return false;
      std::int64_t more_bytes = 0;
      for (const auto& [load, bytes] : closure.loads)
        if (loads_.at(reader).count(load) == 0 && graph_.type(load).elements() > 1) more_bytes += bytes;
      if (more_bytes > std::int64_t(graph_.type(value).bytes()) * kWorthStoring) return false;
    }
    return true;
  }

  // Whether the reader can be one kernel together with reductions that it would compute again.
  bool fits(std::uint32_t reader, const Closure& closure) const {
    std::set<OpId> ops(grouping_.groups().at(reader).begin(), grouping_.groups().at(reader).end());
    if (const auto more = added_.find(reader); more != added_.end())
      ops.insert(more->second.begin(), more->second.end());
    for (const ValueId value : closure.inside) ops.insert(graph_.values[value].op);
    return why_not_one_kernel(graph_, {ops.begin(), ops.end()}).empty();
  }

  // What some op that is no kernel reads, or the caller, is in memory in any case.
  bool is_stored(ValueId value) const {
    const std::vector<OpId>& users = grouping_.users(value);
    return is_output_[value] ||
           std::any_of(users.begin(), users.end(), [&](OpId user) { return grouping_.group_of(user) == kNone; });
  }

  bool is_window(const Op& reduce) const {
    return ir::is_window(ir::numbers(loop_dims(graph_, reduce)), reduce.attrs.integers(ir::Attr::axes));
  }

  // Whether an op, or one of its group that needs it, reads its operands at computed places.
  bool is_read_elsewhere(OpId id) const {
    if (ir::reads_elsewhere(graph_.ops[id].code)) return true;
    const std::vector<OpId>& users = grouping_.users(graph_.ops[id].results[0]);
    return std::any_of(users.begin(), users.end(), [&](OpId user) {
      return grouping_.group_of(user) == grouping_.group_of(id) && is_read_elsewhere(user);
    });
  }

  // False where it costs too much, or a sample or a reduction is in the way, which is not of windows nor in memory.
  bool add_to_closure(std::uint32_t group, ValueId value, Closure& closure) const {
    const Op* op = graph_.producer(value);
    const bool member = op && grouping_.group_of(graph_.values[value].op) == group;
    if (!member && !(op && is_recomputed(graph_, *op))) {
      closure.loads[value] = std::int64_t(graph_.type(value).bytes());
      return true;
    }
    if (op->code == OpCode::affine_sample) return false;
    if (ir::info(op->code).kind == OpKind::reduce) {
      if (is_stored(value)) {
        closure.loads[value] = std::int64_t(graph_.type(value).bytes());
        return true;
      }
      if (!is_window(*op)) return false;
      closure.has_windows = true;
    }
    if (member && !closure.inside.insert(value).second) return true;
    closure.cost += cost(graph_, *op);
    closure.stays = closure.stays || is_costly(op->code) || is_random(op->code);
    if (op->code == OpCode::gather) return add_gather(group, *op, closure);
    return closure.cost <= kCheapCost && std::all_of(op->operands.begin(), op->operands.end(), [&](ValueId operand) {
             return add_to_closure(group, operand, closure);
           });
  }

  // Of a table in memory, which is read as far as the result needs it.
  bool add_gather(std::uint32_t group, const Op& gather, Closure& closure) const {
    const ValueId table = gather.operands[0];
    const OpId maker = graph_.values[table].op;
    if (maker != kNone && grouping_.group_of(maker) == group) return false;
    closure.loads[table] =
        graph_.type(gather.results[0]).elements() * std::int64_t(ir::size_of(graph_.type(table).dtype));
    return add_to_closure(group, gather.operands[1], closure);
  }

  const Graph& graph_;
  const Grouping& grouping_;
  std::vector<bool> is_output_;
  std::map<std::uint32_t, std::set<ValueId>> loads_;  // by group: what it reads anyway
  std::map<std::uint32_t, std::set<OpId>> added_;     // by group: what it computes again
  std::set<ValueId> values_;
};

// Builds one body: members and what it recomputes; everything else becomes an input.
class Outliner {
 public:
  Outliner(const Graph& graph, const Grouping& grouping, const Recompute& recompute, std::uint32_t group)
      : graph_(graph), grouping_(grouping), recompute_(recompute), group_(group), body_("fused") {}

  // The body's value for a value of the graph.
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
    const bool taken = name.empty() || body_.graph().find_output(name) != kNone;
    body_.output(taken ? fmt::format("out{}", body_.graph().outputs.size()) : name, emit(value));
  }

  const std::vector<ValueId>& operands() const { return operands_; }
  ir::GraphPtr take() { return std::make_shared<const Graph>(body_.take()); }

 private:
  ValueId emit_op(const Op& op, ValueId value) {
    std::vector<ValueId> operands;
    for (const ValueId operand : op.operands)
      operands.push_back(is_drawn_first(op, operand) ? input(operand) : emit(operand));
    body_.set_where(op.where);
    return body_.create(op.code, std::move(operands), op.attrs, graph_.type(value), graph_.values[value].name);
  }

  // Random numbers that are read at computed places come from memory.
  bool is_drawn_first(const Op& reader, ValueId operand) const {
    const Op* op = graph_.producer(operand);
    return ir::reads_elsewhere(reader.code) && op && is_random(op->code);
  }

  ValueId input(ValueId value) {
    if (const auto found = inputs_.find(value); found != inputs_.end()) return found->second;
    operands_.push_back(value);
    const std::string& name = graph_.values[value].name;
    const bool taken = name.empty() || body_.graph().find_input(name) != kNone;
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

// Writes the new graph: groups and single ops in an order that defines before use.
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
    check(map_[value] != kNone, "fuse: a value that is needed was not stored");
    return map_[value];
  }

  // The results of a group that someone outside reads from memory.
  std::vector<ValueId> stored_values(std::uint32_t group) const {
    std::vector<ValueId> stored;
    for (const OpId id : grouping_.groups().at(group)) {
      const ValueId value = graph_.ops[id].results[0];
      const bool is_output = std::any_of(graph_.outputs.begin(), graph_.outputs.end(),
                                         [&](const ir::Output& output) { return output.value == value; });
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
    builder_.set_where(graph_.producer(stored.back())->where);
    const std::vector<ValueId> results = builder_.fused(std::move(operands), outliner.take());
    for (std::size_t i = 0; i < stored.size(); ++i) map_[stored[i]] = results[i];
  }

  void emit_op(const Op& op) {
    std::vector<ValueId> operands;
    for (const ValueId operand : op.operands) operands.push_back(need(operand));
    builder_.set_where(op.where);
    const ValueId old = op.results[0];
    map_[old] = builder_.create(op.code, std::move(operands), op.attrs, graph_.type(old), graph_.values[old].name);
  }

  const Graph& graph_;
  const Grouping& grouping_;
  const Recompute& recompute_;
  Builder builder_;
  std::vector<ValueId> map_;
};

// Tells of each large value that one kernel stores and another loads.
void note_stored_values(const Graph& graph, const Grouping& grouping, const Recompute& recompute, Context& context) {
  for (const auto& [group, members] : grouping.groups())
    for (const OpId id : members)
      for (const ValueId operand : graph.ops[id].operands) {
        const OpId maker = graph.values[operand].op;
        if (maker == kNone || recompute.contains(operand) || graph.type(operand).elements() <= 1) continue;
        const std::uint32_t other = grouping.group_of(maker);
        if (other == kNone || other == group) continue;
        context.notes.push_back({"fuse", graph.ops[id].where,
                                 fmt::format("{} is not in the kernel that makes its operand {}, {} bytes: {}",
                                             ir::name(graph.ops[id].code), to_string(graph.type(operand)),
                                             graph.type(operand).bytes(), grouping.why_apart(other, group))});
      }
}

}  // namespace

GraphPtr fuse(const GraphPtr& graph, Context& context) {
  for (const ir::Value& value : graph->values)
    if (!value.type.is_static())
      fail("fuse needs numbers for dims, but a value is {}: bind the symbols first", to_string(value.type));
  const Grouping grouping(*graph);
  if (grouping.groups().empty()) return graph;
  const Recompute recompute(*graph, grouping);
  note_stored_values(*graph, grouping, recompute, context);
  return std::make_shared<const Graph>(Emitter(*graph, grouping, recompute).emit());
}

}  // namespace weft::passes
