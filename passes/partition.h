// The ops of a graph, merged into nodes that stay free of cycles: whether a path leaves a node and comes back.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/graph.h"

namespace weft::passes {

// At first every op is a node with its own number; a node that others merge into keeps its number. The nodes have an
// order in which every edge leads forward, so that a search for a path stays between its ends; a merge mends the order
// where it must (Pearce and Kelly 2007).
class Partition {
 public:
  // `graph` and `users` (by value, ir::users_of) must outlive it.
  Partition(const ir::Graph& graph, const std::vector<std::vector<ir::OpId>>& users);

  std::uint32_t node_of(ir::OpId op) const { return node_of_[op]; }
  // The ops of a node, ascending.
  const std::vector<ir::OpId>& members(std::uint32_t node) const { return members_[node]; }

  // Whether a path leads from one node to the other, in either direction, through a third.
  bool has_detour(std::uint32_t a, std::uint32_t b) const;
  // Two nodes without a detour between them become `stays`.
  void merge(std::uint32_t stays, std::uint32_t gone);

  // How many nodes all searches visited: what they cost.
  std::int64_t visits() const { return visits_; }

 private:
  struct Found {
    bool detour = false;
    std::vector<std::uint32_t> between;  // the nodes reached, in no order
  };
  void number_tree();
  bool leads_to(ir::OpId op, const std::vector<std::uint32_t>& sorted_entries) const;
  Found search(std::uint32_t low, std::uint32_t high) const;
  std::vector<std::uint32_t> search_back(std::uint32_t low, std::uint32_t high) const;
  void reorder(std::uint32_t stays, std::uint32_t gone);

  const ir::Graph& graph_;
  const std::vector<std::vector<ir::OpId>>& users_;
  std::vector<std::uint32_t> node_of_;          // by op
  std::vector<std::vector<ir::OpId>> members_;  // by node
  std::vector<std::uint32_t> order_;            // by node
  // Of a depth-first walk over the ops: an op leads to every op whose entry lies from its own entry to its exit.
  std::vector<std::uint32_t> entry_, exit_;
  mutable std::vector<std::uint32_t> seen_;  // by node: the last search that reached it
  mutable std::uint32_t searches_ = 0;
  mutable std::int64_t visits_ = 0;
};

}  // namespace weft::passes
