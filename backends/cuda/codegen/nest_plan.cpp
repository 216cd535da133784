// Chooses the forms of sums and the values kept in registers.
#include "backends/cuda/codegen/nest_plan.h"

#include <algorithm>

namespace weft::cuda {

using kernel::DimSet;
using kernel::Level;
using kernel::Node;
using kernel::NodeId;

namespace {

constexpr std::int64_t kMostKept = 64;  // registers per thread for values that later stages need

}  // namespace

NestWork::NestWork(Job& job, Nest& nest, const Pass& pass)
    : job_(job), kernel_(job.kernel), pass_(pass), inner_(set_of(nest.inner)) {
  choose_sums(nest);
  if (nest.turns > 0) choose_kept(nest.turns);
}

void NestWork::choose_sums(Nest& nest) {
  const auto form = [&](const Accumulator& each, bool at_point) {
    const DimSet along_row = nonzero(job_.node(each.node).map) & inner_;
    if (each.extent == 1) return Sum::single;
    if (!at_point || along_row == 0) return Sum::array_of_rows;
    return along_row == inner_ ? Sum::array_of_points : Sum::array_of_parts;
  };
  for (Accumulator* each : pass_.columns) sums.push_back({each, true, Sum::column});
  for (Accumulator& each : job_.accumulators) {
    const bool at_point = counts_at_points(kernel_, each.node);
    const bool is_column = row_set(kernel_) == 0 && each.extent > 1;
    if (!is_column && (at_point ? pass_.stores : pass_.ends)) sums.push_back({&each, at_point, form(each, at_point)});
  }
  for (const Sum& sum : sums) {
    Accumulator& each = *sum.accumulator;
    each.copies = sum.form == Sum::column ? nest.splits : nest.blocks;
    each.offset = job_.scratch.take(each.copies * each.extent);
    if (sum.form == Sum::array_of_parts) nest.turns = 0;
  }
}

std::vector<NodeId> NestWork::point_roots(int stage) const {
  std::vector<NodeId> roots;
  for (const NodeId id : row_reductions(kernel_, stage)) roots.push_back(job_.node(id).operands[0]);
  if (stage != kernel_.row_stages) return roots;
  for (const kernel::Store* store : stores(Level::point)) roots.push_back(store->value);
  for (const Sum& sum : sums)
    if (sum.at_point) roots.push_back(job_.node(sum.accumulator->node).operands[0]);
  return roots;
}

std::vector<const kernel::Store*> NestWork::stores(Level level) const {
  std::vector<const kernel::Store*> result;
  for (const kernel::Store& store : kernel_.stores)
    if (store.level == level && (level == Level::row ? pass_.ends : pass_.stores)) result.push_back(&store);
  return result;
}

// Keeps values along a row in registers if a later stage needs them again.
void NestWork::choose_kept(int turns) {
  std::vector<int> first(kernel_.nodes.size(), -1);
  for (int stage = pass_.first_stage; stage <= pass_.last_stage; ++stage) {
    std::vector<bool> seen(kernel_.nodes.size(), false);
    for (const NodeId root : point_roots(stage)) choose_kept(root, stage, turns, first, seen);
  }
}

void NestWork::choose_kept(NodeId id, int stage, int turns, std::vector<int>& first, std::vector<bool>& seen) {
  const Node& each = job_.node(id);
  if (seen[id] || each.level != Level::point || (each.varies & inner_) == 0 || kept.count(id) != 0) return;
  seen[id] = true;
  if (first[id] >= 0 && std::int64_t(kept.size() + 1) * turns <= kMostKept) {
    kept[id] = first[id];
    return;
  }
  if (first[id] < 0) first[id] = stage;
  for (const NodeId operand : each.operands) choose_kept(operand, stage, turns, first, seen);
}

}  // namespace weft::cuda
