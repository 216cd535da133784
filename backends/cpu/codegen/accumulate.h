// The final reductions of a kernel during the emission of its chunks: numbers stay in registers while their position in
// the accumulator array is fixed, then are added to the chunk's copy of the array. Internal to the emitter.
#pragma once

#include <vector>

#include "backends/cpu/codegen/plan.h"
#include "backends/cpu/codegen/values.h"

namespace weft::cpu {

struct Range {
  LLVMValueRef begin = nullptr, end = nullptr;
};

class Accumulators {
 public:
  Accumulators(Evaluator& values, Code& code, const kernel::Kernel& kernel, const Plan& plan, LLVMValueRef scratch);

  void begin_chunk(LLVMValueRef chunk, LLVMValueRef row_chunk, const Range& lanes);
  void begin_row();
  // Adds the operands at the scope's lane groups, with `lane_vectors` of them per row: those that count at each point,
  // or those that count once per row.
  void add(EmitScope& scope, bool at_point, int lane_vectors);
  void end_row(const LaneGroup& row);
  void end_chunk();

 private:
  const kernel::Node& node(const Accumulator& each) const { return kernel_.nodes[each.node]; }
  Kind kind(const Accumulator& each) const { return kind_of(node(each).dtype); }
  void clear(Scope scope);
  void clear_partial(const Accumulator& each);
  LLVMValueRef partial(const Accumulator& each);
  void add(EmitScope& scope, std::size_t which, int lane_vectors);
  void add_to_memory(const Accumulator& each, const LaneGroup& lanes, const Value& value, bool across);
  void add_number(const Accumulator& each, LLVMValueRef place, LLVMValueRef number);
  Value in_registers(std::size_t which);
  void end_chunk(std::size_t which);

  Evaluator& values_;
  Code& code_;
  const kernel::Kernel& kernel_;
  const Plan& plan_;
  LLVMValueRef scratch_;
  std::vector<std::vector<LLVMValueRef>> registers_;  // of each accumulator, one per lane group
  LLVMValueRef chunk_ = nullptr, row_chunk_ = nullptr;
  Range lanes_;
};

// Code that row and final reductions share. Registers are stack slots, which LLVM promotes to registers.
Value read(Code& code, LLVMValueRef place, Kind kind);
void add_to(LLVMValueRef place, ir::OpCode reduce, const Value& value);
Value tree(ir::OpCode reduce, std::vector<Value> values);
// The operand of a reduction at a lane group; neutral where it does not count and, with `across`, in masked lanes.
Value contribution(Evaluator& values, const kernel::Kernel& kernel, EmitScope& scope, kernel::NodeId reduction,
                   int lane_group, bool across);
kernel::DimSet row_dims(const kernel::Kernel& kernel);

}  // namespace weft::cpu
