// What one kernel can hold: the loops that ops share and the rows that they reduce, by the rules of lower.h. `fuse`
// asks it of ops of a graph before they are a body, `lower` of a body.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/kernel/kernel.h"

namespace weft::kernel {

bool is_reduce(ir::OpCode code);
// Whether an op may stand in a body at all.
bool is_kernel_op(const ir::Graph& graph, const ir::Op& op);
// The dims an op loops over: those of its operand for a reduction, of its result otherwise.
const ir::Dims& loop_dims(const ir::Graph& graph, const ir::Op& op);

// Facts about a graph, whose dims are numbers, that hold for each of its regions.
class RegionGraph {
 public:
  // `graph` must outlive it.
  explicit RegionGraph(const ir::Graph& graph);

  const ir::Graph& graph() const { return graph_; }
  // By value: the ops that read it, in order, as often as they read it.
  const std::vector<std::vector<ir::OpId>>& users() const { return users_; }
  const std::vector<ir::OpId>& users(ir::ValueId value) const { return users_[value]; }
  bool is_output(ir::ValueId value) const { return is_output_[value]; }
  // The sizes of loop_dims.
  const std::vector<std::int64_t>& loop_sizes(ir::OpId id) const { return loop_sizes_[id]; }

 private:
  friend class Region;
  const ir::Graph& graph_;
  std::vector<std::vector<ir::OpId>> users_;           // by value
  std::vector<bool> is_output_;                        // by value
  std::vector<std::vector<std::int64_t>> loop_sizes_;  // by op
  mutable std::vector<std::uint32_t> position_;        // by op: its index in the region that exists, or kNone
};

// Why ops are not one kernel, for the user. Empty: nothing is against it.
struct Objection {
  ir::OpId op = ir::kNone;  // of the graph: the one in the way
  std::string what;
  std::string instead;  // what the user could do, or ""
};
// "reduce_sum f32[4,6] -> f32[4,1]".
std::string describe(const ir::Graph& graph, ir::OpId op);
// Advice: where reductions must end before their operands are read again; where a gather or sample reads a value.
inline constexpr const char* kReduceRows = "reduce each row alone, as a layer norm does";
std::string instead_of_moving(const ir::Op& reader, ir::ValueId value);

// Ops of one kernel. What it takes to know them is in proportion to their number. One region of a graph exists at a
// time.
class Region {
 public:
  // `members`: op ids, ascending. Both must outlive it.
  Region(const RegionGraph& graph, const std::vector<ir::OpId>& members);
  ~Region();
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  // Why no kernel can hold them. What follows is known if `what` is "".
  const Objection& objection() const { return objection_; }
  const std::string& why_not() const { return objection_.what; }

  bool contains(ir::OpId op) const { return op != ir::kNone && graph_.position_[op] != ir::kNone; }
  bool makes(ir::ValueId value) const { return contains(graph_.graph().values[value].op); }
  // The members that loop over the space; others are evaluated where a gather or sample reads them.
  const std::vector<ir::OpId>& placed() const { return placed_; }
  // What a gather or sample of the region reads, and the members that compute it there.
  struct Moved {
    ir::OpId reader = ir::kNone;
    ir::ValueId value = ir::kNone;
    std::vector<ir::OpId> makers;
  };
  const std::vector<Moved>& moved() const { return moved_; }
  const std::vector<std::int64_t>& sizes() const { return sizes_; }     // of the iteration space
  DimSet dims() const;                                                  // of it, with more than one element
  DimSet extents(ir::OpId op) const { return extents_[position(op)]; }  // the dims that the op loops over
  DimSet reduced(ir::OpId reduce) const;                                // those that it sums over

  DimSet row() const { return row_; }  // the dims that the row reductions reduce
  bool has_windows() const { return has_windows_; }
  bool is_row_reduce(ir::OpId op) const { return is_row_reduce_[position(op)]; }
  // Whether it is computed from a final reduction, one that reduces no row, and so after all points.
  bool is_after_final(ir::OpId op) const;

 private:
  std::size_t position(ir::OpId member) const { return graph_.position_[member]; }
  const ir::Op& op(ir::OpId id) const { return graph_.graph().ops[id]; }
  void find_placed();
  void find_moved();
  std::vector<ir::OpId> makers(ir::ValueId value) const;
  void find_space();
  bool widen(const std::vector<std::int64_t>& sizes);
  void find_row_reductions();
  void refuse_rows(ir::OpId some);
  void find_spread_again();
  void find_final();
  bool is_window(ir::OpId reduce) const;

  const RegionGraph& graph_;
  const std::vector<ir::OpId>& members_;
  Objection objection_;
  std::vector<ir::OpId> placed_, reduces_;
  std::vector<Moved> moved_;
  std::vector<std::int64_t> sizes_;
  std::vector<DimSet> extents_;                 // by position among the members
  std::vector<bool> is_row_reduce_, is_final_;  // by position
  DimSet row_ = 0;
  bool has_windows_ = false;
};

}  // namespace weft::kernel
