// Evaluates a kernel's nodes at positions of its iteration space. Internal to the emitter.
#pragma once

#include <map>
#include <vector>

#include "backends/cpu/codegen/code.h"
#include "backends/cpu/codegen/plan.h"
#include "ir/kernel/kernel.h"

namespace weft::cpu {

// base + plus. Unrolled code differs only in `plus`, so its addresses differ by a constant.
struct Index {
  LLVMValueRef base = nullptr;  // i64
  std::int64_t plus = 0;
};

// The points of one vector.
struct LaneGroup {
  std::vector<Index> index;     // one per loop dim; along the lane dim, of the first lane
  LLVMValueRef mask = nullptr;  // the valid lanes; null: all
};

// Code that runs at some lane groups, and the values it has evaluated. Inner scopes see the values of outer ones.
struct EmitScope {
  const EmitScope* parent = nullptr;
  std::vector<LaneGroup> lane_groups;
  std::vector<int> parent_group;                       // the parent's lane group around each lane group
  std::map<kernel::NodeId, std::vector<Value>> known;  // one value per lane group

  const Value* find(kernel::NodeId node, int group) const;
};

class Evaluator {
 public:
  // `buffers`: the function's argument. Loads every pointer and seed at the builder's current position, which must
  // dominate all uses. `lane` is the dim that lies across lanes.
  Evaluator(Code& code, const kernel::Kernel& kernel, LLVMValueRef buffers, int lane);

  void set_lane(int lane) { lane_ = lane; }
  int lane() const { return lane_; }

  // The node's value at each lane group of the scope. Evaluates it here unless this or an outer scope has it.
  const Value& get(EmitScope& scope, kernel::NodeId node, int group);
  // Final reductions evaluate to loads from here: byte offset in `scratch`, by node.
  void set_totals(LLVMValueRef scratch, std::map<kernel::NodeId, std::size_t> offsets);
  // Values kept between the stages of a row.
  void keep(const Plan& plan);
  void set_stage(int stage) { stage_ = stage; }

  void store(const LaneGroup& group, const kernel::Store& store, const Value& value);

  LLVMValueRef value_of(const Index& index);
  // The address that `map` gives at the lane group, relative to `base`.
  LLVMValueRef place(LLVMTypeRef element, LLVMValueRef base, const kernel::Map& map, const LaneGroup& group);
  std::int64_t lane_stride(const kernel::Map& map) const;
  // Vectors of 4-byte numbers in scratch.
  Value load_numbers(Kind kind, LLVMValueRef place, std::int64_t stride, LLVMValueRef mask = nullptr);
  void store_numbers(const Value& value, LLVMValueRef place, LLVMValueRef mask = nullptr);
  // The lanes of a truth value at which the given dims have index 0.
  Value at_first(kernel::DimSet dims, const LaneGroup& group);

 private:
  Value load(const kernel::Node& node, const LaneGroup& group, const std::vector<Value>& indices);
  Value index(const kernel::Map& map, const LaneGroup& group);  // i32
  Value total(kernel::NodeId id, const LaneGroup& group);
  std::vector<Value> random(const kernel::Node& node, const std::vector<LaneGroup>& lane_groups);
  Value apply(const kernel::Node& node, const std::vector<Value>& operands);
  Value rounded(const Value& value, ir::DType dtype);
  Value at_group(EmitScope& scope, kernel::NodeId id, int group);
  void evaluate(EmitScope& scope, kernel::NodeId id);
  const Kept* kept(kernel::NodeId id) const;
  LLVMValueRef kept_place(kernel::NodeId id, const LaneGroup& group, int lane_group);

  Code& code_;
  const kernel::Kernel& kernel_;
  int lane_;
  int stage_ = 0;
  const Plan* plan_ = nullptr;
  std::vector<LLVMValueRef> pointers_;
  std::map<std::uint32_t, std::vector<LLVMValueRef>> seeds_;  // four words per buffer
  std::map<kernel::NodeId, LLVMValueRef> kept_memory_;
  LLVMValueRef scratch_ = nullptr;
  std::map<kernel::NodeId, std::size_t> totals_;
};

}  // namespace weft::cpu
