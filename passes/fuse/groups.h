// Decides which ops form one kernel: the first step of pass `fuse`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "passes/fuse/partition.h"
#include "passes/fuse/region.h"

namespace weft::passes {

// Every fusible op starts as its own group. Groups merge along every producer-consumer edge, then between ops that read
// the same large value, if one kernel can compute them (region.h) and no path leaves a group and returns.
class Grouping {
 public:
  // Both arguments must outlive the grouping.
  Grouping(const ir::Graph& graph, const Regions& regions);

  // The group of an op; kNone for an op that is not fused or that each reader recomputes.
  std::uint32_t group_of(ir::OpId id) const { return is_grouped_[id] ? partition_.node_of(id) : ir::kNone; }
  // The members of each group, ascending.
  const std::map<std::uint32_t, std::vector<ir::OpId>>& groups() const { return groups_; }
  const std::vector<ir::OpId>& users(ir::ValueId value) const { return regions_.users(value); }
  const Regions& regions() const { return regions_; }

  // Number of edges that the searches for detours followed.
  std::int64_t steps() const { return partition_.steps(); }

  // Why two groups cannot merge; "" if they can.
  std::string why_apart(std::uint32_t a, std::uint32_t b) const;

 private:
  void merge_along_edges();
  void merge_siblings();
  bool reads_fully(ir::OpId reader, ir::ValueId value) const;
  bool try_merge(std::uint32_t a, std::uint32_t b);
  bool is_too_large(std::uint32_t a, std::uint32_t b) const;
  std::string why_not_one_kernel(std::uint32_t a, std::uint32_t b) const;
  bool are_plain_alike(std::uint32_t a, std::uint32_t b) const;

  const ir::Graph& graph_;
  const Regions& regions_;
  Partition partition_;
  std::vector<bool> is_grouped_;  // by op
  std::vector<bool> is_plain_;    // by group: only elementwise and similar ops over the same dims
  std::map<std::uint32_t, std::vector<ir::OpId>> groups_;
};

}  // namespace weft::passes
