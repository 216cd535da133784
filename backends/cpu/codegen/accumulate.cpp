// Accumulation of final reductions, and the code that row reductions share with it.
#include "backends/cpu/codegen/accumulate.h"

#include "backends/cpu/codegen/kernel.h"

namespace weft::cpu {

using kernel::Node;
using kernel::NodeId;
using kernel::NodeKind;

kernel::DimSet row_dims(const kernel::Kernel& kernel) {
  kernel::DimSet dims = 0;
  for (int d = 0; d < int(kernel.dims.size()); ++d)
    if (kernel.dims[std::size_t(d)].row) dims |= kernel::bit(d);
  return dims;
}

Value read(Code& code, LLVMValueRef place, Kind kind) {
  return {code, LLVMBuildLoad2(code.builder, code.vector(kind), place, "")};
}

void add_to(LLVMValueRef place, ir::OpCode reduce, const Value& value) {
  const Value sum = combine(reduce, read(value.code(), place, value.kind()), value);
  LLVMBuildStore(value.code().builder, sum.llvm(), place);
}

Value tree(ir::OpCode reduce, std::vector<Value> values) {
  while (values.size() > 1) {
    std::vector<Value> halves;
    for (std::size_t i = 0; i + 1 < values.size(); i += 2) halves.push_back(combine(reduce, values[i], values[i + 1]));
    if (values.size() % 2 != 0) halves.push_back(values.back());
    values = std::move(halves);
  }
  return values[0];
}

Value contribution(Evaluator& values, const kernel::Kernel& kernel, EmitScope& scope, NodeId reduction, int lane_group,
                   bool across) {
  const Node& node = kernel.nodes[reduction];
  Value result = values.get(scope, node.operands[0], lane_group);
  Code& code = result.code();
  const LaneGroup& lanes = scope.lane_groups[std::size_t(lane_group)];
  const Value none = neutral(code, node.code, result.kind());
  const kernel::DimSet row = row_dims(kernel);
  const bool once_a_row = node.kind == NodeKind::final_reduce && row != 0 && (row & ~node.once) == 0;
  const kernel::DimSet once = once_a_row ? node.once & ~row : node.once;
  if (across && lanes.mask) result = choose(Value(code, lanes.mask), result, none);
  if (once != 0) result = choose(values.at_first(once, lanes), result, none);
  return result;
}

Accumulators::Accumulators(Evaluator& values, Code& code, const kernel::Kernel& kernel, const Plan& plan,
                           LLVMValueRef scratch)
    : values_(values), code_(code), kernel_(kernel), plan_(plan), scratch_(scratch) {
  for (const Accumulator& each : plan.accumulators) {
    registers_.emplace_back();
    if (each.scope == Scope::vector) continue;
    for (int k = 0; k < plan.row_unroll * plan.lane_unroll; ++k)
      registers_.back().push_back(code.local(code.vector(kind(each))));
  }
}

void Accumulators::clear(Scope scope) {
  for (std::size_t i = 0; i < registers_.size(); ++i) {
    const Accumulator& each = plan_.accumulators[i];
    if (each.scope != scope) continue;
    for (LLVMValueRef place : registers_[i])
      LLVMBuildStore(code_.builder, neutral(code_, node(each).code, kind(each)).llvm(), place);
  }
}

// The array that this chunk adds to.
LLVMValueRef Accumulators::partial(const Accumulator& each) {
  LLVMValueRef copy = each.lane_kept && plan_.lane_outer ? row_chunk_ : chunk_;
  LLVMValueRef bytes =
      code_.add(code_.multiply(copy, code_.number(each.copy_stride * 4)), code_.number(std::int64_t(each.partial)));
  return code_.at(code_.i8, scratch_, bytes);
}

void Accumulators::clear_partial(const Accumulator& each) {
  const bool part = plan_.lane_chunks > 1 && each.lane_kept;
  const Range all = part ? lanes_ : Range{code_.number(0), code_.number(each.extent)};
  LLVMValueRef base = partial(each);
  const Value none = neutral(code_, node(each).code, kind(each));
  code_.loop(all.begin, all.end, plan_.width, "clear",
             [&](LLVMValueRef index) { values_.store_numbers(none, code_.at(code_.f32, base, index)); });
}

void Accumulators::begin_chunk(LLVMValueRef chunk, LLVMValueRef row_chunk, const Range& lanes) {
  chunk_ = chunk;
  row_chunk_ = row_chunk;
  lanes_ = lanes;
  for (const Accumulator& each : plan_.accumulators)
    if (each.scope != Scope::chunk) clear_partial(each);
  clear(Scope::chunk);
}

void Accumulators::begin_row() { clear(Scope::row); }

void Accumulators::add(EmitScope& scope, bool at_point, int lane_vectors) {
  for (std::size_t i = 0; i < plan_.accumulators.size(); ++i)
    if (plan_.accumulators[i].at_point == at_point) add(scope, i, lane_vectors);
}

void Accumulators::add(EmitScope& scope, std::size_t which, int lane_vectors) {
  const Accumulator& each = plan_.accumulators[which];
  const bool across = !each.lane_kept && (each.at_point || plan_.lane_outer);
  const int count = int(scope.lane_groups.size());
  const auto operand = [&](int lanes) { return contribution(values_, kernel_, scope, each.node, lanes, across); };
  if (each.scope == Scope::chunk || (each.scope == Scope::row && each.at_point)) {
    const std::vector<LLVMValueRef>& places = registers_[which];
    for (int k = 0; k < count; ++k) add_to(places[std::size_t(k) % places.size()], node(each).code, operand(k));
    return;
  }
  const bool shared = each.lane_kept && !each.others_kept && (plan_.row_unroll > 1 || plan_.window > 0);
  const int rows = shared ? count / lane_vectors : 1;  // rows that share accumulators
  for (int k = 0; k < count / rows; ++k) {
    std::vector<Value> operands;
    for (int r = 0; r < rows; ++r) operands.push_back(operand(r * (count / rows) + k));
    add_to_memory(each, scope.lane_groups[std::size_t(k)], tree(node(each).code, std::move(operands)), across);
  }
}

void Accumulators::add_to_memory(const Accumulator& each, const LaneGroup& lanes, const Value& value, bool across) {
  LLVMValueRef place = values_.place(code_.scalar(value.kind()), partial(each), node(each).map, lanes);
  if (each.lane_kept) {
    const Value before = values_.load_numbers(value.kind(), place, 1, lanes.mask);
    values_.store_numbers(combine(node(each).code, before, value), place, lanes.mask);
  } else {
    add_number(each, place, across ? across_lanes(node(each).code, value) : first_lane(value));
  }
}

void Accumulators::add_number(const Accumulator& each, LLVMValueRef place, LLVMValueRef number) {
  LLVMValueRef before = LLVMBuildLoad2(code_.builder, code_.scalar(kind(each)), place, "");
  const Value sum = combine(node(each).code, Value(code_, code_.splat(before)), Value(code_, code_.splat(number)));
  LLVMBuildStore(code_.builder, first_lane(sum), place);
}

Value Accumulators::in_registers(std::size_t which) {
  const Accumulator& each = plan_.accumulators[which];
  std::vector<Value> values;
  for (LLVMValueRef place : registers_[which]) values.push_back(read(code_, place, kind(each)));
  return tree(node(each).code, std::move(values));
}

void Accumulators::end_row(const LaneGroup& row) {
  for (std::size_t i = 0; i < plan_.accumulators.size(); ++i) {
    const Accumulator& each = plan_.accumulators[i];
    if (each.scope != Scope::row || !each.at_point) continue;  // others were added at the points
    LLVMValueRef place = values_.place(code_.scalar(kind(each)), partial(each), node(each).map, row);
    add_number(each, place, across_lanes(node(each).code, in_registers(i)));
  }
}

void Accumulators::end_chunk() {
  for (std::size_t i = 0; i < plan_.accumulators.size(); ++i)
    if (plan_.accumulators[i].scope == Scope::chunk) end_chunk(i);
}

void Accumulators::end_chunk(std::size_t which) {
  const Accumulator& each = plan_.accumulators[which];
  LLVMValueRef base = partial(each);
  if (!each.lane_kept) {
    const bool across = each.at_point || plan_.lane_outer;
    const Value all = in_registers(which);
    LLVMBuildStore(code_.builder, across ? across_lanes(node(each).code, all) : first_lane(all), base);
    return;
  }
  for (int l = 0; l < plan_.lane_unroll; ++l) {
    std::vector<Value> rows;
    for (int r = 0; r < plan_.row_unroll; ++r)
      rows.push_back(read(code_, registers_[which][std::size_t(r * plan_.lane_unroll + l)], kind(each)));
    LLVMValueRef place = code_.at(code_.f32, base, code_.number(std::int64_t(l) * plan_.width));
    values_.store_numbers(tree(node(each).code, std::move(rows)), place);
  }
}

}  // namespace weft::cpu
