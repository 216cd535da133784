// Which ops one kernel can compute: the rules of ir/kernel/lower.h, checked before fusion.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace weft::passes {

// Whether a fused body may contain the op.
bool is_fusible(const ir::Graph& graph, const ir::Op& op);

// Sources that every kernel computes instead of loading: constants, indices, random numbers.
bool is_recomputed(const ir::Graph& graph, const ir::Op& op);

// Whether an elementwise op is expensive: a polynomial of many terms.
bool is_costly(ir::OpCode code);
bool is_random(ir::OpCode code);

// The dims an op loops over: those of its operand for a reduction, of its result otherwise.
const ir::Dims& loop_dims(const ir::Graph& graph, const ir::Op& op);

// Largest number of ops per kernel, not counting recomputed ones. Larger kernels gain nothing and compile in more than
// linear time.
inline constexpr std::size_t kMostMembers = 512;

// Answers for one graph with bound dims.
class Regions {
 public:
  // `graph` must outlive it.
  explicit Regions(const ir::Graph& graph);

  // Why `members` (op ids, ascending) cannot form one kernel; "" if they can. Takes linear time.
  std::string why_not(const std::vector<ir::OpId>& members) const;

  // By value: the ops that read it, in order, once per read.
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
