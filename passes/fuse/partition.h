// Merges the ops of a graph into nodes without cycles: detects whether a path leaves a node and returns.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/graph.h"

namespace weft::passes {

// At first every op is a node with its own number; a node that others merge into keeps its number. The nodes form a
// list in which every edge leads forward, so that a search for a path stays between its ends; a merge reorders nodes if
// necessary (as in Pearce and Kelly 2007).
class Partition {
 public:
  // `graph` and `users` (by value, ir::users_of) must outlive it.
  Partition(const ir::Graph& graph, const std::vector<std::vector<ir::OpId>>& users);

  std::uint32_t node_of(ir::OpId op) const { return node_of_[op]; }
  // The ops of a node, ascending.
  const std::vector<ir::OpId>& members(std::uint32_t node) const { return members_[node]; }

  // Whether a path connects the two nodes, in either direction, through a third.
  bool has_detour(std::uint32_t a, std::uint32_t b) const;
  // Merges the two into `stays`; returns false and changes nothing if there is a detour.
  bool merge(std::uint32_t stays, std::uint32_t gone);

  // Number of edges that all searches followed: their cost.
  std::int64_t steps() const { return steps_; }

 private:
  // One direction of a search.
  struct Front {
    std::vector<std::uint32_t> open, reached;
    std::int64_t steps = 0;
  };
  // Searches forward from `low` and backward from `high`, until they meet or one is exhausted.
  struct Search {
    std::uint32_t low, high;
    Front forward, backward;
    bool detour = false;
  };
  Search search(std::uint32_t a, std::uint32_t b) const;
  bool step_forward(Search& search, const std::vector<std::uint32_t>& entries_of_high) const;
  bool step_backward(Search& search) const;
  bool reach(Front& front, std::uint32_t node, std::uint32_t mark) const;

  void number_tree();
  bool leads_to(ir::OpId op, const std::vector<std::uint32_t>& sorted_entries) const;

  void unlink(std::uint32_t node);
  void insert(const std::vector<std::uint32_t>& nodes, std::uint32_t before);
  void replace(std::uint32_t node, std::uint32_t by);
  void number_list();

  const ir::Graph& graph_;
  const std::vector<std::vector<ir::OpId>>& users_;
  std::vector<std::uint32_t> node_of_;          // by op
  std::vector<std::vector<ir::OpId>> members_;  // by node
  // A list with a sentinel as its end; positions ascend along it.
  std::vector<std::uint32_t> next_, previous_;
  std::vector<std::uint64_t> place_;
  // From a depth-first walk over the ops: an op leads to every op whose entry lies between its own entry and exit.
  std::vector<std::uint32_t> entry_, exit_;
  mutable std::vector<std::uint32_t> seen_;  // by node: the mark of the last front that reached it
  mutable std::uint32_t marks_ = 0;
  mutable std::int64_t steps_ = 0;
};

}  // namespace weft::passes
