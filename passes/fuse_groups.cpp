// Grouping: groups of one op each, merged along edges and between readers of one value.
#include "passes/fuse_groups.h"

#include <algorithm>
#include <set>

#include "passes/region.h"

namespace weft::passes {

using ir::Graph;
using ir::kNone;
using ir::OpId;
using ir::ValueId;

Grouping::Grouping(const Graph& graph) : graph_(graph), group_of_(graph.ops.size(), kNone), users_(users_of(graph)) {
  for (OpId id = 0; id < graph.ops.size(); ++id) {
    if (is_fusible(graph, graph.ops[id]) && !is_recomputed(graph, graph.ops[id])) start(id);
  }
  merge_along_edges();
  merge_siblings();
}

std::string Grouping::why_apart(std::uint32_t a, std::uint32_t b) const {
  if (std::string reason = why_not_one_kernel(graph_, both(a, b)); !reason.empty()) return reason;
  if (has_detour(a, b) || has_detour(b, a)) return "something between them is needed first";
  return {};
}

void Grouping::start(OpId id) {
  group_of_[id] = id;
  members_[id] = {id};
}

void Grouping::merge_along_edges() {
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
void Grouping::merge_siblings() {
  for (ValueId value = 0; value < graph_.values.size(); ++value) {
    const std::vector<OpId>& readers = users_[value];
    for (std::size_t i = 1; i < readers.size(); ++i)
      if (reads_fully(readers[0], value) && reads_fully(readers[i], value))
        try_merge(group_of_[readers[0]], group_of_[readers[i]]);
  }
}

bool Grouping::reads_fully(OpId reader, ValueId value) const {
  return group_of_[reader] != kNone && graph_.type(value).elements() > 1 &&
         loop_dims(graph_, graph_.ops[reader]) == graph_.type(value).dims;
}

void Grouping::try_merge(std::uint32_t a, std::uint32_t b) {
  if (a == b || !why_apart(a, b).empty()) return;
  for (const OpId id : members_[b]) group_of_[id] = a;
  members_[a] = both(a, b);
  members_.erase(b);
}

std::vector<OpId> Grouping::both(std::uint32_t a, std::uint32_t b) const {
  std::vector<OpId> ops = members_.at(a);
  ops.insert(ops.end(), members_.at(b).begin(), members_.at(b).end());
  std::sort(ops.begin(), ops.end());
  return ops;
}

// A path from `from` to `to` through ops of neither.
bool Grouping::has_detour(std::uint32_t from, std::uint32_t to) const {
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
std::uint32_t Grouping::node(OpId id) const { return group_of_[id] == kNone ? id : group_of_[id]; }

}  // namespace weft::passes
