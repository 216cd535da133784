// Bidirectional searches, cut short by a tree of paths that merges never invalidate.
#include "passes/fuse/partition.h"

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
      next_(graph.ops.size() + 1),
      previous_(graph.ops.size() + 1),
      place_(graph.ops.size() + 1),
      entry_(graph.ops.size(), kNone),
      exit_(graph.ops.size(), 0),
      seen_(graph.ops.size(), 0) {
  const std::uint32_t end = std::uint32_t(graph.ops.size());
  for (OpId id = 0; id < end; ++id) {
    node_of_[id] = id;
    members_[id] = {id};
  }
  for (std::uint32_t node = 0; node <= end; ++node) {
    next_[node] = node == end ? 0 : node + 1;
    previous_[node] = node == 0 ? end : node - 1;
  }
  number_list();
  number_tree();
}

// Visits users in order: the walk follows a long chain to its end first, so that the tree below each of its ops holds
// nearly all later ops.
void Partition::number_tree() {
  struct Visit {
    OpId op;
    std::size_t result = 0, user = 0;  // the next to visit
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

// --- Searches ----------------------------------------------------------------------------------------------------

bool Partition::has_detour(std::uint32_t a, std::uint32_t b) const { return search(a, b).detour; }

Partition::Search Partition::search(std::uint32_t a, std::uint32_t b) const {
  Search search{place_[a] < place_[b] ? a : b, place_[a] < place_[b] ? b : a, {}, {}};
  marks_ += 2;
  search.forward.open = {search.low};
  search.backward.open = {search.high};
  std::vector<std::uint32_t> entries;
  for (const OpId id : members_[search.high]) entries.push_back(entry_[id]);
  std::sort(entries.begin(), entries.end());
  while (!search.detour && !search.forward.open.empty() && !search.backward.open.empty())
    search.detour =
        search.backward.steps <= search.forward.steps ? step_backward(search) : step_forward(search, entries);
  steps_ += search.forward.steps + search.backward.steps;
  return search;
}

// Adds a node to the front; true if the other front has reached it.
bool Partition::reach(Front& front, std::uint32_t node, std::uint32_t mark) const {
  if (seen_[node] == mark) return false;
  const bool met = seen_[node] >= marks_ - 1;
  seen_[node] = mark;
  front.reached.push_back(node);
  front.open.push_back(node);
  return met;
}

// Follows all edges of one node; true if it finds a detour.
bool Partition::step_forward(Search& search, const std::vector<std::uint32_t>& entries_of_high) const {
  const std::uint32_t node = search.forward.open.back();
  search.forward.open.pop_back();
  for (const OpId id : members_[node])
    for (const ValueId result : graph_.ops[id].results)
      for (const OpId user : users_[result]) {
        ++search.forward.steps;
        const std::uint32_t next = node_of_[user];
        if (next == node || (next == search.high && node == search.low) || place_[next] > place_[search.high]) continue;
        if (next == search.high || leads_to(user, entries_of_high) || reach(search.forward, next, marks_)) return true;
      }
  return false;
}

bool Partition::step_backward(Search& search) const {
  const std::uint32_t node = search.backward.open.back();
  search.backward.open.pop_back();
  for (const OpId id : members_[node])
    for (const ValueId operand : graph_.ops[id].operands) {
      ++search.backward.steps;
      const OpId maker = graph_.values[operand].op;
      if (maker == kNone) continue;
      const std::uint32_t before = node_of_[maker];
      if (before == node || (before == search.low && node == search.high) || place_[before] < place_[search.low])
        continue;
      if (before == search.low || reach(search.backward, before, marks_ - 1)) return true;
    }
  return false;
}

// --- Merging -----------------------------------------------------------------------------------------------------

// If the backward search finished, all nodes that lead to `high` move before `low`, and the merged node takes its
// position; otherwise all nodes that `low` leads to move behind `high`.
bool Partition::merge(std::uint32_t stays, std::uint32_t gone) {
  Search found = search(stays, gone);
  if (found.detour) return false;
  const bool at_low = found.backward.open.empty();
  std::vector<std::uint32_t>& moved = at_low ? found.backward.reached : found.forward.reached;
  std::sort(moved.begin(), moved.end(), [&](std::uint32_t a, std::uint32_t b) { return place_[a] < place_[b]; });
  for (const std::uint32_t node : moved) unlink(node);
  insert(moved, at_low ? found.low : next_[found.high]);
  unlink(at_low ? found.high : found.low);
  replace(at_low ? found.low : found.high, stays);

  std::vector<OpId>& ops = members_[stays];
  for (const OpId id : members_[gone]) node_of_[id] = stays;
  const auto middle = std::ptrdiff_t(ops.size());
  ops.insert(ops.end(), members_[gone].begin(), members_[gone].end());
  std::inplace_merge(ops.begin(), ops.begin() + middle, ops.end());
  members_[gone] = {};
  return true;
}

void Partition::unlink(std::uint32_t node) {
  next_[previous_[node]] = next_[node];
  previous_[next_[node]] = previous_[node];
}

// Inserts nodes into the list in order.
void Partition::insert(const std::vector<std::uint32_t>& nodes, std::uint32_t before) {
  if (nodes.empty()) return;
  const std::uint32_t end = std::uint32_t(graph_.ops.size());
  const std::uint64_t low = previous_[before] == end ? 0 : place_[previous_[before]];
  const std::uint64_t gap = (place_[before] - low) / (nodes.size() + 1);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const std::uint32_t node = nodes[i];
    place_[node] = low + (i + 1) * gap;
    previous_[node] = previous_[before];
    next_[node] = before;
    next_[previous_[node]] = node;
    previous_[before] = node;
  }
  if (gap == 0) number_list();
}

// `by` takes the position of `node`.
void Partition::replace(std::uint32_t node, std::uint32_t by) {
  if (node == by) return;
  next_[by] = next_[node];
  previous_[by] = previous_[node];
  place_[by] = place_[node];
  next_[previous_[by]] = by;
  previous_[next_[by]] = by;
}

// Spaces positions widely, so that many moves fit between two neighbours.
void Partition::number_list() {
  const std::uint32_t end = std::uint32_t(graph_.ops.size());
  std::uint64_t place = 0;
  for (std::uint32_t node = next_[end]; node != end; node = next_[node]) place_[node] = place += std::uint64_t(1) << 40;
  place_[end] = place + (std::uint64_t(1) << 40);
}

}  // namespace weft::passes
