// Recompute: values are added until none is worth it any more.
#include "passes/fuse_recompute.h"

#include <algorithm>

#include "ir/window.h"
#include "passes/region.h"

namespace weft::passes {

using ir::Graph;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::OpKind;
using ir::ValueId;

namespace {

// How much arithmetic an element may cost to be recomputed rather than stored and loaded.
constexpr int kCheapCost = 24;
// Loads that spare a value its store and load may have so many times its bytes.
constexpr double kWorthStoring = 1.25;

// Arithmetic of one element, in simple operations; a source is made again in any case.
int cost(const Graph& graph, const Op& op) {
  if (is_recomputed(graph, op)) return 0;
  return is_costly(op.code) ? 8 : 1;
}

}  // namespace

Recompute::Recompute(const Graph& graph, const Grouping& grouping)
    : graph_(graph), grouping_(grouping), is_output_(graph.values.size(), false) {
  for (const ir::Output& output : graph.outputs) is_output_[output.value] = true;
  for (const auto& [group, members] : grouping.groups())
    for (const OpId id : members)
      for (const ValueId operand : graph.ops[id].operands) loads_[group].insert(operand);
  // What one value makes its readers load, the next has for nothing.
  while (add_values()) {
  }
}

bool Recompute::add_values() {
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

bool Recompute::is_used_by_other_groups_alone(std::uint32_t group, ValueId value) const {
  bool used_outside = false;
  for (const OpId user : grouping_.users(value)) {
    if (grouping_.group_of(user) == kNone) return false;
    used_outside |= grouping_.group_of(user) != group;
  }
  return used_outside;
}

bool Recompute::is_cheap(std::uint32_t group, ValueId value, const Closure& closure) const {
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
bool Recompute::fits(std::uint32_t reader, const Closure& closure) const {
  std::set<OpId> ops(grouping_.groups().at(reader).begin(), grouping_.groups().at(reader).end());
  if (const auto more = added_.find(reader); more != added_.end()) ops.insert(more->second.begin(), more->second.end());
  for (const ValueId value : closure.inside) ops.insert(graph_.values[value].op);
  return why_not_one_kernel(graph_, {ops.begin(), ops.end()}).empty();
}

// What some op that is no kernel reads, or the caller, is in memory in any case.
bool Recompute::is_stored(ValueId value) const {
  const std::vector<OpId>& users = grouping_.users(value);
  return is_output_[value] ||
         std::any_of(users.begin(), users.end(), [&](OpId user) { return grouping_.group_of(user) == kNone; });
}

bool Recompute::is_window(const Op& reduce) const {
  return ir::is_window(ir::numbers(loop_dims(graph_, reduce)), reduce.attrs.integers(ir::Attr::axes));
}

// Whether an op, or one of its group that needs it, reads its operands at computed places.
bool Recompute::is_read_elsewhere(OpId id) const {
  if (ir::reads_elsewhere(graph_.ops[id].code)) return true;
  const std::vector<OpId>& users = grouping_.users(graph_.ops[id].results[0]);
  return std::any_of(users.begin(), users.end(), [&](OpId user) {
    return grouping_.group_of(user) == grouping_.group_of(id) && is_read_elsewhere(user);
  });
}

// False where it costs too much, or a sample or a reduction is in the way, which is not of windows nor in memory.
bool Recompute::add_to_closure(std::uint32_t group, ValueId value, Closure& closure) const {
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
bool Recompute::add_gather(std::uint32_t group, const Op& gather, Closure& closure) const {
  const ValueId table = gather.operands[0];
  const OpId maker = graph_.values[table].op;
  if (maker != kNone && grouping_.group_of(maker) == group) return false;
  closure.loads[table] =
      graph_.type(gather.results[0]).elements() * std::int64_t(ir::size_of(graph_.type(table).dtype));
  return add_to_closure(group, gather.operands[1], closure);
}

}  // namespace weft::passes
