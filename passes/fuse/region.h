// What one kernel can compute: the rules of ir/kernel/lower.h, asked of a set of ops before they are fused.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace weft::passes {

// Whether an op may stand in a fused body at all.
bool is_fusible(const ir::Graph& graph, const ir::Op& op);

// A source that every kernel makes for itself instead of reading it from memory: constants, indices, random numbers.
bool is_recomputed(const ir::Graph& graph, const ir::Op& op);

// The dims an op loops over: those of its operand for a reduction, of its result otherwise.
const ir::Dims& loop_dims(const ir::Graph& graph, const ir::Op& op);

// Ops of one kernel, constants and what else is recomputed not counted. Larger kernels gain nothing and cost more than
// linear time to compile.
inline constexpr std::size_t kMostMembers = 512;

// Answers for one graph, whose dims are numbers.
class Regions {
 public:
  // `graph` must outlive it.
  explicit Regions(const ir::Graph& graph);

  // Why `members` (op ids, ascending) can not be one kernel, or "" if they can. Takes time in proportion to them.
  std::string why_not(const std::vector<ir::OpId>& members) const;

  // By value: the ops that read it, in order, as often as they read it.
  const std::vector<std::vector<ir::OpId>>& users() const { return users_; }
  const std::vector<ir::OpId>& users(ir::ValueId value) const { return users_[value]; }
  bool is_output(ir::ValueId value) const { return is_output_[value]; }
  // The sizes of loop_dims.
  const std::vector<std::int64_t>& loop_sizes(ir::OpId id) const { return loop_sizes_[id]; }

 private:
  const ir::Graph& graph_;
  std::vector<std::vector<ir::OpId>> users_;           // by value
  std::vector<bool> is_output_;                        // by value
  std::vector<std::vector<std::int64_t>> loop_sizes_;  // by op
  mutable std::vector<std::uint32_t> position_;        // by op: its index among the members asked about, or kNone
};

}  // namespace weft::passes
