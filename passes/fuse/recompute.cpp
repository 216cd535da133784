// Adds values until no further one pays off.
#include "passes/fuse/recompute.h"

#include <algorithm>

#include "ir/kernel/window.h"
#include "passes/fuse/region.h"

namespace weft::passes {

using ir::Graph;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::OpKind;
using ir::ValueId;

namespace {

// Largest cost per element for which recomputing beats storing and loading.
constexpr int kCheapCost = 24;
// Extra loads may take this many times the bytes of the value that they avoid storing and loading.
constexpr double kWorthStoring = 1.25;

// Cost per element in simple operations; kernels recompute sources in any case.
int cost(const Graph& graph, const Op& op) {
  if (is_recomputed(graph, op)) return 0;
  return ir::has(op.code, ir::Trait::costly) ? 8 : 1;
}

}  // namespace

Recompute::Recompute(const Graph& graph, const Grouping& grouping) : graph_(graph), grouping_(grouping) {
  for (const auto& [group, members] : grouping.groups())
    for (const OpId id : members)
      for (const ValueId operand : graph.ops[id].operands) loads_[group].insert(operand);
  find_read_elsewhere();
  find_candidates();
  add_values();
}

void Recompute::find_candidates() {
  for (const auto& [group, members] : grouping_.groups())
    for (const OpId id : members) {
      const ValueId value = graph_.ops[id].results[0];
      if (grouping_.regions().is_output(value) || !is_used_by_other_groups_alone(group, value)) continue;
      Candidate candidate{group, value, {}};
      if (!add_to_closure(group, value, candidate.closure)) continue;
      for (const OpId user : grouping_.users(value)) by_reader_[grouping_.group_of(user)].insert(candidates_.size());
      candidates_.push_back(std::move(candidate));
    }
}

// Walks over all candidates until one walk adds nothing. A rejected candidate is tried again only after a group that
// reads it gains loads or ops: the next candidate shares loads that an earlier one added.
void Recompute::add_values() {
  for (std::size_t i = 0; i < candidates_.size(); ++i) due_.insert(due_.end(), i);
  for (; !due_.empty(); due_.swap(due_later_))
    while (!due_.empty()) {
      const std::size_t index = *due_.begin();
      due_.erase(due_.begin());
      const Candidate& candidate = candidates_[index];
      if (contains(candidate.value) || !try_to_add(candidate)) continue;
      for (const OpId user : grouping_.users(candidate.value))
        for (const std::size_t other : by_reader_[grouping_.group_of(user)])
          (other > index ? due_ : due_later_).insert(other);
    }
}

bool Recompute::try_to_add(const Candidate& candidate) {
  const auto& [group, value, closure] = candidate;
  if (!is_cheap(group, value, closure)) return false;
  for (const OpId user : grouping_.users(value)) {
    for (const auto& [load, bytes] : closure.loads) loads_[grouping_.group_of(user)].insert(load);
    for (const ValueId inside : closure.inside) added_[grouping_.group_of(user)].insert(graph_.values[inside].op);
  }
  // Includes the values it is computed from, which other groups cannot reach otherwise.
  values_.insert(closure.inside.begin(), closure.inside.end());
  return true;
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

// Whether the reader stays one kernel with the reductions that it would recompute.
bool Recompute::fits(std::uint32_t reader, const Closure& closure) const {
  std::set<OpId> ops(grouping_.groups().at(reader).begin(), grouping_.groups().at(reader).end());
  if (const auto more = added_.find(reader); more != added_.end()) ops.insert(more->second.begin(), more->second.end());
  for (const ValueId value : closure.inside) ops.insert(graph_.values[value].op);
  return grouping_.regions().why_not({ops.begin(), ops.end()}).empty();
}

// Whether the value is in memory in any case, because an unfused op or the caller reads it.
bool Recompute::is_stored(ValueId value) const {
  const std::vector<OpId>& users = grouping_.users(value);
  return grouping_.regions().is_output(value) ||
         std::any_of(users.begin(), users.end(), [&](OpId user) { return grouping_.group_of(user) == kNone; });
}

bool Recompute::is_window(const Op& reduce) const {
  return ir::is_window(ir::numbers(loop_dims(graph_, reduce)), reduce.attrs.integers(ir::Attr::axes));
}

// Whether each op, or a later op of its group, reads its operands at computed indices.
void Recompute::find_read_elsewhere() {
  is_read_elsewhere_.resize(graph_.ops.size(), false);
  for (OpId id = OpId(graph_.ops.size()); id-- > 0;) {
    const std::vector<OpId>& users = grouping_.users(graph_.ops[id].results[0]);
    is_read_elsewhere_[id] =
        ir::reads_elsewhere(graph_.ops[id].code) || std::any_of(users.begin(), users.end(), [&](OpId user) {
          return grouping_.group_of(user) == grouping_.group_of(id) && is_read_elsewhere_[user];
        });
  }
}

// False if it costs too much or needs an affine_sample or a reduction that is neither a window nor in memory.
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
  closure.stays = closure.stays || ir::has(op->code, ir::Trait::costly) || ir::has(op->code, ir::Trait::random);
  if (op->code == OpCode::gather) return add_gather(group, *op, closure);
  return closure.cost <= kCheapCost && std::all_of(op->operands.begin(), op->operands.end(), [&](ValueId operand) {
           return add_to_closure(group, operand, closure);
         });
}

// The table must be in memory; a gather loads only as many elements as its result has.
bool Recompute::add_gather(std::uint32_t group, const Op& gather, Closure& closure) const {
  const ValueId table = gather.operands[0];
  const OpId maker = graph_.values[table].op;
  if (maker != kNone && grouping_.group_of(maker) == group) return false;
  closure.loads[table] =
      graph_.type(gather.results[0]).elements() * std::int64_t(ir::size_of(graph_.type(table).dtype));
  return add_to_closure(group, gather.operands[1], closure);
}

}  // namespace weft::passes
