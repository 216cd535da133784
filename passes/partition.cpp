// Searches between two nodes, cut short by a tree of paths that hold whatever is merged.
#include "passes/partition.h"

#include <algorithm>
#include <numeric>

namespace weft::passes {

using ir::kNone;
using ir::OpId;
using ir::ValueId;

Partition::Partition(const ir::Graph& graph, const std::vector<std::vector<OpId>>& users)
    : graph_(graph),
      users_(users),
      node_of_(graph.ops.size()),
      members_(graph.ops.size()),
      order_(graph.ops.size()),
      entry_(graph.ops.size(), kNone),
      exit_(graph.ops.size(), 0),
      seen_(graph.ops.size(), 0) {
  std::iota(node_of_.begin(), node_of_.end(), 0);
  std::iota(order_.begin(), order_.end(), 0);
  for (OpId id = 0; id < graph.ops.size(); ++id) members_[id] = {id};
  number_tree();
}

// Users in order: a long chain is walked to its end first, so that the tree below each of its ops holds nearly all that
// comes after it.
void Partition::number_tree() {
  struct Visit {
    OpId op;
    std::size_t result = 0, user = 0;  // the next to look at
  };
  std::uint32_t next = 0;
  std::vector<Visit> open;
  const auto enter = [&](OpId op) {
    entry_[op] = next++;
    open.push_back({op});
  };
  for (OpId root = 0; root < graph_.ops.size(); ++root) {
    if (entry_[root] == kNone) enter(root);
    while (!open.empty()) {
      Visit& visit = open.back();
      const std::vector<ValueId>& results = graph_.ops[visit.op].results;
      if (visit.result == results.size()) {
        exit_[visit.op] = next - 1;
        open.pop_back();
      } else if (visit.user == users_[results[visit.result]].size()) {
        ++visit.result;
        visit.user = 0;
      } else if (const OpId user = users_[results[visit.result]][visit.user++]; entry_[user] == kNone) {
        enter(user);
      }
    }
  }
}

bool Partition::leads_to(OpId op, const std::vector<std::uint32_t>& sorted_entries) const {
  const auto found = std::lower_bound(sorted_entries.begin(), sorted_entries.end(), entry_[op]);
  return found != sorted_entries.end() && *found <= exit_[op];
}

bool Partition::has_detour(std::uint32_t a, std::uint32_t b) const {
  return order_[a] < order_[b] ? search(a, b).detour : search(b, a).detour;
}

// Forward from `low`, through the nodes ordered between the two.
Partition::Found Partition::search(std::uint32_t low, std::uint32_t high) const {
  std::vector<std::uint32_t> targets;
  for (const OpId id : members_[high]) targets.push_back(entry_[id]);
  std::sort(targets.begin(), targets.end());
  ++searches_;
  Found found;
  std::vector<std::uint32_t> open{low};
  while (!open.empty()) {
    const std::uint32_t node = open.back();
    open.pop_back();
    for (const OpId id : members_[node])
      for (const ValueId result : graph_.ops[id].results)
        for (const OpId user : users_[result]) {
          const std::uint32_t next = node_of_[user];
          if (next == node || order_[next] > order_[high] || (next == high && node == low)) continue;
          if (next == high || leads_to(user, targets)) return {true, {}};
          if (seen_[next] == searches_) continue;
          seen_[next] = searches_;
          ++visits_;
          found.between.push_back(next);
          open.push_back(next);
        }
  }
  return found;
}

// Backward from `high`, through the nodes ordered between the two.
std::vector<std::uint32_t> Partition::search_back(std::uint32_t low, std::uint32_t high) const {
  ++searches_;
  std::vector<std::uint32_t> between, open{high};
  while (!open.empty()) {
    const std::uint32_t node = open.back();
    open.pop_back();
    for (const OpId id : members_[node])
      for (const ValueId operand : graph_.ops[id].operands) {
        const OpId maker = graph_.values[operand].op;
        if (maker == kNone) continue;
        const std::uint32_t before = node_of_[maker];
        if (before == node || order_[before] <= order_[low] || seen_[before] == searches_) continue;
        seen_[before] = searches_;
        ++visits_;
        between.push_back(before);
        open.push_back(before);
      }
  }
  return between;
}

// What leads to one of the two comes before the merged node, what the other leads to after it, in places that were
// theirs.
void Partition::reorder(std::uint32_t stays, std::uint32_t gone) {
  const std::uint32_t low = order_[stays] < order_[gone] ? stays : gone, high = low == stays ? gone : stays;
  std::vector<std::uint32_t> after = search(low, high).between;
  std::vector<std::uint32_t> before = after.empty() ? after : search_back(low, high);
  const auto by_order = [&](std::uint32_t a, std::uint32_t b) { return order_[a] < order_[b]; };
  std::sort(before.begin(), before.end(), by_order);
  std::sort(after.begin(), after.end(), by_order);
  std::vector<std::uint32_t> places{order_[low], order_[high]};
  for (const auto* nodes : {&before, &after})
    for (const std::uint32_t node : *nodes) places.push_back(order_[node]);
  std::sort(places.begin(), places.end());
  auto place = places.begin();
  for (const std::uint32_t node : before) order_[node] = *place++;
  order_[stays] = *place;  // one place is left over
  place = places.end() - std::ptrdiff_t(after.size());
  for (const std::uint32_t node : after) order_[node] = *place++;
  if (after.empty()) order_[stays] = places.back();
}

void Partition::merge(std::uint32_t stays, std::uint32_t gone) {
  reorder(stays, gone);
  std::vector<OpId>& ops = members_[stays];
  for (const OpId id : members_[gone]) node_of_[id] = stays;
  const auto middle = std::ptrdiff_t(ops.size());
  ops.insert(ops.end(), members_[gone].begin(), members_[gone].end());
  std::inplace_merge(ops.begin(), ops.begin() + middle, ops.end());
  members_[gone] = {};
}

}  // namespace weft::passes
