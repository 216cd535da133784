// Merges groups of one op each, along edges and between readers of one value.
#include "passes/fuse/groups.h"

#include <algorithm>

#include "ir/error.h"

namespace weft::passes {

using ir::Graph;
using ir::kNone;
using ir::OpId;
using ir::ValueId;

Grouping::Grouping(const Graph& graph, const Regions& regions)
    : graph_(graph),
      regions_(regions),
      partition_(graph, regions.users()),
      is_grouped_(graph.ops.size(), false),
      is_plain_(graph.ops.size(), false) {
  for (OpId id = 0; id < graph.ops.size(); ++id) {
    is_grouped_[id] = is_kernel_op(graph, graph.ops[id]) && !is_recomputed(graph, graph.ops[id]);
    is_plain_[id] = is_grouped_[id] && ir::info(graph.ops[id].code).kind != ir::OpKind::reduce &&
                    !ir::reads_elsewhere(graph.ops[id].code);
  }
  merge_along_edges();
  merge_siblings();
  for (OpId id = 0; id < graph.ops.size(); ++id)
    if (group_of(id) == id) groups_[id] = partition_.members(id);
}

std::string Grouping::why_apart(std::uint32_t a, std::uint32_t b) const {
  if (is_too_large(a, b)) return fmt::format("a kernel has at most {} ops", kMostMembers);
  if (std::string reason = why_not_one_kernel(a, b); !reason.empty()) return reason;
  if (partition_.has_detour(a, b)) return "an op between them must run first";
  return {};
}

void Grouping::merge_along_edges() {
  for (OpId id = 0; id < graph_.ops.size(); ++id) {
    if (group_of(id) == kNone) continue;
    for (const ValueId operand : graph_.ops[id].operands) {
      const OpId producer = graph_.values[operand].op;
      if (producer == kNone || group_of(producer) == kNone) continue;
      try_merge(group_of(producer), group_of(id));
    }
  }
}

// Groups the readers of one large value so that they share its load; many readers fill several kernels.
void Grouping::merge_siblings() {
  for (ValueId value = 0; value < graph_.values.size(); ++value) {
    const std::vector<OpId>& readers = users(value);
    for (std::size_t first = 0, i = 1; i < readers.size(); ++i) {
      if (!reads_fully(readers[first], value)) break;
      if (!reads_fully(readers[i], value)) continue;
      const std::uint32_t a = group_of(readers[first]), b = group_of(readers[i]);
      if (!try_merge(a, b) && is_too_large(a, b)) first = i;
    }
  }
}

bool Grouping::reads_fully(OpId reader, ValueId value) const {
  return group_of(reader) != kNone && graph_.type(value).elements() > 1 &&
         loop_dims(graph_, graph_.ops[reader]) == graph_.type(value).dims;
}

bool Grouping::try_merge(std::uint32_t a, std::uint32_t b) {
  if (a == b || is_too_large(a, b) || !why_not_one_kernel(a, b).empty()) return false;
  const bool is_plain = are_plain_alike(a, b);
  if (!partition_.merge(a, b)) return false;
  is_plain_[a] = is_plain;
  return true;
}

bool Grouping::is_too_large(std::uint32_t a, std::uint32_t b) const {
  return partition_.members(a).size() + partition_.members(b).size() > kMostMembers;
}

bool Grouping::are_plain_alike(std::uint32_t a, std::uint32_t b) const {
  return is_plain_[a] && is_plain_[b] &&
         regions_.loop_sizes(partition_.members(a)[0]) == regions_.loop_sizes(partition_.members(b)[0]);
}

std::string Grouping::why_not_one_kernel(std::uint32_t a, std::uint32_t b) const {
  if (are_plain_alike(a, b)) return {};
  const std::vector<OpId>&of_a = partition_.members(a), &of_b = partition_.members(b);
  std::vector<OpId> both(of_a.size() + of_b.size());
  std::merge(of_a.begin(), of_a.end(), of_b.begin(), of_b.end(), both.begin());
  return regions_.why_not(both);
}

}  // namespace weft::passes
