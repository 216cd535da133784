// Which ops become one kernel: the first step of the pass `fuse`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace weft::passes {

// Every fusible op starts as a group of its own. Along every producer-consumer edge, then between ops that read the
// same large value, groups merge while one kernel can compute them (region.h) and no path leaves a group and comes
// back.
class Grouping {
 public:
  // `graph` must outlive the grouping.
  explicit Grouping(const ir::Graph& graph);

  // The group of an op, kNone for an op that stays as it is or is recomputed where it is needed.
  std::uint32_t group_of(ir::OpId id) const { return group_of_[id]; }
  // The members of each, ascending.
  const std::map<std::uint32_t, std::vector<ir::OpId>>& groups() const { return members_; }
  const std::vector<ir::OpId>& users(ir::ValueId value) const { return users_[value]; }

  // Why two groups can not be one, "" if they can.
  std::string why_apart(std::uint32_t a, std::uint32_t b) const;

 private:
  void start(ir::OpId id);
  void merge_along_edges();
  void merge_siblings();
  bool reads_fully(ir::OpId reader, ir::ValueId value) const;
  void try_merge(std::uint32_t a, std::uint32_t b);
  std::vector<ir::OpId> both(std::uint32_t a, std::uint32_t b) const;
  bool has_detour(std::uint32_t from, std::uint32_t to) const;
  std::uint32_t node(ir::OpId id) const;

  const ir::Graph& graph_;
  std::vector<std::uint32_t> group_of_;
  std::map<std::uint32_t, std::vector<ir::OpId>> members_;
  std::vector<std::vector<ir::OpId>> users_;
};

}  // namespace weft::passes
