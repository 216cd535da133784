// Nodes at lane groups: loads, indices, random numbers, scalar ops.
#include "backends/cpu/codegen/values.h"

#include <algorithm>

#include "backends/cpu/codegen/vector_math.h"
#include "backends/cpu/codegen/vector_memory.h"
#include "ir/error.h"
#include "ir/scalar.h"

namespace weft::cpu {

using ir::DType;
using kernel::DimSet;
using kernel::Map;
using kernel::Node;
using kernel::NodeId;
using kernel::NodeKind;

const Value* EmitScope::find(NodeId node, int group) const {
  const auto found = known.find(node);
  if (found != known.end()) return &found->second[std::size_t(group)];
  return parent ? parent->find(node, parent_group[std::size_t(group)]) : nullptr;
}

namespace {

LLVMValueRef literal(Code& code, const kernel::Buffer& buffer, const std::string& name) {
  std::vector<LLVMValueRef> numbers;
  LLVMTypeRef type = nullptr;
  for (const double each : buffer.literal) {
    const bool real = ir::is_float(buffer.dtype);
    type = real ? code.f32 : buffer.dtype == DType::i32 ? code.i32 : code.i8;
    numbers.push_back(real ? LLVMConstReal(type, each)
                           : LLVMConstInt(type, static_cast<unsigned long long>(std::int64_t(each)), 1));
  }
  LLVMTypeRef array = LLVMArrayType2(type, numbers.size());
  LLVMValueRef global = LLVMAddGlobal(code.module, array, name.c_str());
  LLVMSetInitializer(global, LLVMConstArray2(type, numbers.data(), numbers.size()));
  LLVMSetGlobalConstant(global, 1);
  LLVMSetLinkage(global, LLVMPrivateLinkage);
  LLVMSetAlignment(global, 64);
  return global;
}

}  // namespace

Evaluator::Evaluator(Code& code, const kernel::Kernel& kernel, LLVMValueRef buffers, int lane)
    : code_(code), kernel_(kernel), lane_(lane) {
  for (std::size_t i = 0; i < kernel.buffers.size(); ++i) {
    if (!kernel.buffers[i].literal.empty()) {
      pointers_.push_back(literal(code, kernel.buffers[i], kernel.name + "." + kernel.buffers[i].name));
      continue;
    }
    LLVMValueRef place = code.at(code.pointer, buffers, code.number(std::int64_t(i)));
    pointers_.push_back(LLVMBuildLoad2(code.builder, code.pointer, place, kernel.buffers[i].name.c_str()));
  }
  for (const Node& node : kernel.nodes) {
    if (node.kind != NodeKind::random || seeds_.count(node.buffer) != 0) continue;
    std::vector<LLVMValueRef>& words = seeds_[node.buffer];
    for (int i = 0; i < 4; ++i)
      words.push_back(
          LLVMBuildLoad2(code.builder, code.i32, code.at(code.i32, pointers_[node.buffer], code.number(i)), "seed"));
  }
}

void Evaluator::set_totals(LLVMValueRef scratch, std::map<NodeId, std::size_t> offsets) {
  scratch_ = scratch;
  totals_ = std::move(offsets);
}

void Evaluator::keep(const Plan& plan) {
  plan_ = &plan;
  for (const Kept& each : plan.kept)
    kept_memory_[each.node] =
        code_.local(code_.scalar(kind_of(kernel_.nodes[each.node].dtype)),
                    LLVMConstInt(code_.i32, static_cast<unsigned long long>(plan.kept_numbers), 0));
}

const Kept* Evaluator::kept(NodeId id) const {
  if (!plan_) return nullptr;
  for (const Kept& each : plan_->kept)
    if (each.node == id) return &each;
  return nullptr;
}

// Rows follow each other in the buffer: whole vectors with lanes across the row, else one vector per lane group.
LLVMValueRef Evaluator::kept_place(NodeId id, const LaneGroup& group, int lane_group) {
  const std::int64_t vectors_of_row = (plan_->lane_size + plan_->width - 1) / plan_->width;
  std::int64_t stride = std::int64_t(plan_->width) * (plan_->lane_outer ? plan_->lane_unroll : vectors_of_row);
  Map map{0, std::vector<std::int64_t>(kernel_.dims.size(), 0)};
  if (plan_->lane_outer)
    map.offset = std::int64_t(lane_group) * plan_->width;
  else
    map.strides[std::size_t(lane_)] = 1;
  for (std::size_t i = plan_->row_dims.size(); i-- > 0;) {
    map.strides[std::size_t(plan_->row_dims[i])] = stride;
    stride *= kernel_.dims[std::size_t(plan_->row_dims[i])].size;
  }
  return place(code_.scalar(kind_of(kernel_.nodes[id].dtype)), kept_memory_.at(id), map, group);
}

// Addresses

LLVMValueRef Evaluator::value_of(const Index& index) { return code_.add(index.base, code_.number(index.plus)); }

// Outer loops first, then the lane, constants last: inner loops keep one moving part.
LLVMValueRef Evaluator::place(LLVMTypeRef element, LLVMValueRef base, const Map& map, const LaneGroup& group) {
  std::int64_t constant = map.offset;
  const auto step = [&](std::size_t d) {
    constant += group.index[d].plus * map.strides[d];
    if (map.strides[d] != 0 && !code_.is_number(group.index[d].base, 0))
      base = code_.at(element, base, code_.multiply(group.index[d].base, code_.number(map.strides[d])));
  };
  for (std::size_t d = 0; d < map.strides.size(); ++d)
    if (int(d) != lane_) step(d);
  if (lane_ >= 0) step(std::size_t(lane_));
  return code_.at(element, base, code_.number(constant));
}

std::int64_t Evaluator::lane_stride(const Map& map) const { return lane_ < 0 ? 0 : map.strides[std::size_t(lane_)]; }

// Memory

Value Evaluator::load_numbers(Kind kind, LLVMValueRef place, std::int64_t stride, LLVMValueRef mask) {
  return {code_, load_vector(code_, code_.scalar(kind), place, stride, mask, 4)};
}

void Evaluator::store_numbers(const Value& value, LLVMValueRef place, LLVMValueRef mask) {
  store_vector(code_, value.llvm(), place, 1, mask, 4);
}

void Evaluator::store(const LaneGroup& group, const kernel::Store& store, const Value& value) {
  const DType dtype = kernel_.buffers[store.buffer].dtype;
  store_vector(code_, to_memory(code_, value, dtype),
               place(memory_type(code_, dtype), pointers_[store.buffer], store.map, group), lane_stride(store.map),
               group.mask, unsigned(ir::size_of(dtype)));
}

// Nodes

namespace {

bool differs_along_lanes(const kernel::Kernel& kernel, NodeId node, int lane) {
  return lane >= 0 && (kernel.nodes[node].varies & kernel::bit(lane)) != 0;
}

// A bound on the distance between the elements of two lanes.
std::int64_t reach_of_lanes(const kernel::Kernel& kernel, const Node& load, int lane) {
  std::int64_t reach = 0;
  if (lane >= 0) reach = std::abs(load.map.strides[std::size_t(lane)]) * kernel.dims[std::size_t(lane)].size;
  for (std::size_t i = 0; i < load.indirect.size(); ++i)
    if (differs_along_lanes(kernel, load.operands[i], lane))
      reach += std::abs(load.indirect[i].stride) * load.indirect[i].size;
  return reach;
}

}  // namespace

Value Evaluator::load(const Node& node, const LaneGroup& group, const std::vector<Value>& indices) {
  const kernel::Buffer& buffer = kernel_.buffers[node.buffer];
  const bool wide_literal = !buffer.literal.empty() && ir::is_float(buffer.dtype);  // see `literal`
  LLVMTypeRef element = wide_literal ? code_.f32 : memory_type(code_, buffer.dtype);
  const unsigned align = wide_literal ? 4 : unsigned(ir::size_of(buffer.dtype));
  LLVMValueRef base = place(element, pointers_[node.buffer], node.map, group);
  const bool is_far = reach_of_lanes(kernel_, node, lane_) * std::int64_t(align) >= std::int64_t{1} << 31;
  const Kind kind = is_far ? Kind::i64 : Kind::i32;
  Value offsets;  // of the lanes, if their indices differ
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const kernel::Indirect& indirect = node.indirect[i];
    LLVMValueRef last = code_.splat_number(Kind::i32, double(indirect.size - 1));
    LLVMTypeRef vector_of_indices = code_.vector(Kind::i32);
    LLVMValueRef first_or_more =
        code_.intrinsic("llvm.smax", {vector_of_indices}, {indices[i].llvm(), LLVMConstNull(vector_of_indices)});
    const Value index(code_, code_.intrinsic("llvm.smin", {vector_of_indices}, {first_or_more, last}));
    if (!differs_along_lanes(kernel_, node.operands[i], lane_)) {
      LLVMValueRef first = LLVMBuildExtractElement(code_.builder, index.llvm(), code_.number(0), "");
      LLVMValueRef one = LLVMBuildZExt(code_.builder, first, code_.i64, "");
      base = code_.at(element, base, code_.multiply(one, code_.number(indirect.stride)));
      continue;
    }
    const Value step = convert_fast(index, kind) * Value(code_, code_.splat_number(kind, double(indirect.stride)));
    offsets = offsets.is_constant() ? step : offsets + step;
  }
  LLVMValueRef vector = nullptr;
  if (offsets.is_constant()) {
    vector = load_vector(code_, element, base, lane_stride(node.map), group.mask, align);
  } else {
    if (lane_stride(node.map) != 0)
      offsets = offsets + Value(code_, code_.lane_numbers(kind)) *
                              Value(code_, code_.splat_number(kind, double(lane_stride(node.map))));
    vector = gather(code_, element, base, offsets, group.mask, align);
  }
  return wide_literal ? rounded(Value(code_, vector), buffer.dtype) : from_memory(code_, vector, buffer.dtype);
}

Value Evaluator::index(const Map& map, const LaneGroup& group) {
  LLVMValueRef sum = code_.number(map.offset);
  for (std::size_t d = 0; d < map.strides.size(); ++d)
    if (map.strides[d] != 0)
      sum = code_.add(sum, code_.multiply(value_of(group.index[d]), code_.number(map.strides[d])));
  const Value first(code_, code_.splat(LLVMBuildTrunc(code_.builder, sum, code_.i32, "")));
  const std::int64_t stride = lane_stride(map);
  return stride == 0 ? first : first + Value(code_, code_.lane_numbers(Kind::i32)) * double(stride);
}

std::vector<Value> Evaluator::random(const Node& node, const std::vector<LaneGroup>& lane_groups) {
  const std::vector<LLVMValueRef>& words = seeds_.at(node.buffer);
  const RandomState state{words[0], words[1], words[2], words[3], node.stream};
  std::vector<Value> elements;
  for (const LaneGroup& group : lane_groups) elements.push_back(index(node.map, group));
  return node.code == ir::OpCode::random_normal ? random_normal(state, elements) : random_uniform(state, elements);
}

// Rounds a value to the dtype, in the working kind.
Value Evaluator::rounded(const Value& value, DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32:
    case DType::boolean:
      return value;
    case DType::bf16: {  // to nearest even; a NaN keeps its high bits and stays NaN
      const Value bits = bits_as(value, Kind::i32);
      const Value even = bits + ((shift_right(bits, 16) & 1.0) + double(0x7fff));
      return bits_as(choose(eq(value, value), even, bits | double(0x10000)) & -65536.0, Kind::f32);
    }
    case DType::f16: {
      LLVMTypeRef half = code_.vector_of(LLVMHalfTypeInContext(code_.context));
      LLVMValueRef narrow = LLVMBuildFPTrunc(code_.builder, value.llvm(), half, "");
      return {code_, LLVMBuildFPExt(code_.builder, narrow, code_.vector(Kind::f32), "")};
    }
    case DType::u8:
      return value & 255.0;
  }
  return value;
}

Value Evaluator::apply(const Node& node, const std::vector<Value>& operands) {
  if (node.code == ir::OpCode::cast) return rounded(convert(operands[0], kind_of(node.dtype)), node.dtype);
  if (node.code == ir::OpCode::log1p && node.of_unit) return rounded(log1p_of_unit(operands[0]), node.dtype);
  return rounded(ir::apply_scalar<Value>(node.code, operands.data()), node.dtype);
}

Value Evaluator::total(NodeId id, const LaneGroup& group) {
  const Node& node = kernel_.nodes[id];
  LLVMValueRef base = code_.at(code_.i8, scratch_, code_.number(std::int64_t(totals_.at(id))));
  const Kind kind = kind_of(node.dtype);
  return load_numbers(kind, place(code_.scalar(kind), base, node.map, group), lane_stride(node.map), group.mask);
}

Value Evaluator::at_group(EmitScope& scope, NodeId id, int lane_group) {
  const Node& node = kernel_.nodes[id];
  const LaneGroup& group = scope.lane_groups[std::size_t(lane_group)];
  switch (node.kind) {
    case NodeKind::load: {
      std::vector<Value> indices;
      for (const NodeId operand : node.operands) indices.push_back(get(scope, operand, lane_group));
      return load(node, group, indices);
    }
    case NodeKind::constant:
      return rounded(Value(code_, code_.splat_number(kind_of(node.dtype), node.value)), node.dtype);
    case NodeKind::index:
      return rounded(convert_fast(index(node.map, group), kind_of(node.dtype)), node.dtype);
    case NodeKind::op: {
      std::vector<Value> operands;
      for (const NodeId operand : node.operands) operands.push_back(get(scope, operand, lane_group));
      return apply(node, operands);
    }
    case NodeKind::final_reduce:
      return rounded(total(id, group), node.dtype);
    case NodeKind::random:
    case NodeKind::row_reduce:
      break;
  }
  throw InternalError("internal error: a row reduction is read before it is emitted");
}

void Evaluator::evaluate(EmitScope& scope, NodeId id) {
  const Node& node = kernel_.nodes[id];
  const Kept* memory = kept(id);
  const bool read_back = memory && memory->stage < stage_;
  if (!read_back && (node.kind == NodeKind::op ||
                     node.kind == NodeKind::load))  // operands first, so that all lane groups advance together
    for (const NodeId operand : node.operands) get(scope, operand, 0);
  std::vector<Value> values;
  if (!read_back && node.kind == NodeKind::random) values = random(node, scope.lane_groups);
  for (int i = 0; i < int(scope.lane_groups.size()); ++i) {
    if (read_back)
      values.push_back(load_numbers(kind_of(node.dtype), kept_place(id, scope.lane_groups[std::size_t(i)], i), 1));
    else if (node.kind != NodeKind::random)
      values.push_back(at_group(scope, id, i));
    if (memory && !read_back)
      store_numbers(values[std::size_t(i)], kept_place(id, scope.lane_groups[std::size_t(i)], i));
  }
  scope.known[id] = std::move(values);
}

const Value& Evaluator::get(EmitScope& scope, NodeId node, int group) {
  if (const Value* value = scope.find(node, group)) return *value;
  evaluate(scope, node);
  return scope.known.at(node)[std::size_t(group)];
}

Value Evaluator::at_first(DimSet dims, const LaneGroup& group) {
  LLVMValueRef truth = LLVMConstAllOnes(code_.vector(Kind::truth));
  for (int d = 0; d < int(kernel_.dims.size()); ++d) {
    if (!(dims & kernel::bit(d))) continue;
    LLVMValueRef first = code_.compare(LLVMIntEQ, value_of(group.index[std::size_t(d)]), code_.number(0));
    LLVMValueRef in_all_lanes = code_.splat(first);
    if (d == lane_)
      in_all_lanes =
          LLVMBuildAnd(code_.builder, in_all_lanes, eq(Value(code_, code_.lane_numbers(Kind::i32)), 0.0).llvm(), "");
    truth = LLVMBuildAnd(code_.builder, truth, in_all_lanes, "");
  }
  return {code_, truth};
}

}  // namespace weft::cpu
