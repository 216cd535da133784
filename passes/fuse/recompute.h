// Decides which results other groups recompute: the second step of pass `fuse`.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "ir/graph.h"
#include "passes/fuse/groups.h"

namespace weft::passes {

// Values that are cheaper to recompute from their readers' existing loads than to store and load.
class Recompute {
 public:
  // `graph` and `grouping` must outlive it.
  Recompute(const ir::Graph& graph, const Grouping& grouping);

  bool contains(ir::ValueId value) const { return values_.count(value) != 0; }

 private:
  // The ops of its group that a value is computed from, and the bytes that they load.
  struct Closure {
    int cost = 0;
    bool stays = false;  // cannot be evaluated at the indices that a gather or a sample reads
    bool has_windows = false;
    std::set<ir::ValueId> inside;
    std::map<ir::ValueId, std::int64_t> loads;
  };

  // A value that may pay off, with its closure: neither changes as values are added.
  struct Candidate {
    std::uint32_t group = 0;
    ir::ValueId value = ir::kNone;
    Closure closure;
  };

  void find_candidates();
  void add_values();
  bool try_to_add(const Candidate& candidate);
  bool is_used_by_other_groups_alone(std::uint32_t group, ir::ValueId value) const;
  bool is_cheap(std::uint32_t group, ir::ValueId value, const Closure& closure) const;
  bool fits(std::uint32_t reader, const Closure& closure) const;
  bool is_stored(ir::ValueId value) const;
  bool is_window(const ir::Op& reduce) const;
  bool is_read_elsewhere(ir::OpId id) const { return is_read_elsewhere_[id]; }
  void find_read_elsewhere();
  bool add_to_closure(std::uint32_t group, ir::ValueId value, Closure& closure) const;
  bool add_gather(std::uint32_t group, const ir::Op& gather, Closure& closure) const;

  const ir::Graph& graph_;
  const Grouping& grouping_;
  std::vector<bool> is_read_elsewhere_;                       // by op
  std::vector<Candidate> candidates_;                         // by group and op
  std::map<std::uint32_t, std::set<std::size_t>> by_reader_;  // by group: the candidates that it reads
  std::set<std::size_t> due_, due_later_;                     // candidates to try on this walk and on the next
  std::map<std::uint32_t, std::set<ir::ValueId>> loads_;      // by group: the values it reads anyway
  std::map<std::uint32_t, std::set<ir::OpId>> added_;         // by group: the ops it recomputes
  std::set<ir::ValueId> values_;
};

}  // namespace weft::passes
