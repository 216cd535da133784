// Folds ops of constants in double; dim_size becomes a constant once its dim is bound.
//
// Conditions: the result is finite and fits its dtype without wrapping. Operands of 16 bits stay, because double would
// skip their rounding. Ops that are discontinuous (comparisons, casts to integers, floor, sign) or periodic with large
// operands take operands rounded to float.
#include "passes/simplify/fold.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/error.h"
#include "ir/scalar.h"
#include "passes/index.h"
#include "passes/passes.h"

namespace weft::passes {

using ir::Attr;
using ir::DType;
using ir::OpCode;
using ir::Type;

namespace {

constexpr std::int64_t kMostElements = 256;  // larger constants belong in memory, not in the graph

using Numbers = std::vector<double>;

const Numbers& numbers_of(const ir::Graph& graph, ir::ValueId value) {
  return graph.producer(value)->attrs.numbers(Attr::values);
}

bool is_constant(const ir::Graph& graph, ir::ValueId value) {
  const ir::Op* op = graph.producer(value);
  return op && op->code == OpCode::constant;
}

// The element of a constant at `index` of a value that it broadcasts to.
double element(const ir::Graph& graph, ir::ValueId constant, const Index& index) {
  const Numbers& numbers = numbers_of(graph, constant);
  if (numbers.size() == 1) return numbers[0];
  const Index dims = ir::numbers(graph.type(constant).dims);
  return numbers[std::size_t(flatten(broadcast_index(index, dims), dims))];
}

// Whether an op is discontinuous, so that digits beyond float precision would show.
bool jumps(const ir::Op& op, DType result) { return !is_float(result) || ir::has(op.code, ir::Trait::steps); }

// A constant as an operand: keeps digits beyond float precision but not values outside the float range; rounds to float
// if `exactly`.
double as_operand(double number, bool exactly) {
  const float rounded = float(number);
  return exactly || !std::isnormal(rounded) ? double(rounded) : number;
}

// Converts a number to the dtype; nothing if the dtype cannot hold it, or rounds to fewer bits than a float.
std::optional<double> convert(double value, DType dtype) {
  switch (dtype) {
    case DType::f32:
      if (!std::isfinite(value) || std::abs(value) > double(std::numeric_limits<float>::max())) return {};
      return value;
    case DType::bf16:
    case DType::f16:
      return {};
    case DType::i32:
      value = std::trunc(value);
      if (!(std::abs(value) <= double(std::numeric_limits<std::int32_t>::max()))) return {};
      return value;
    case DType::u8:
      value = std::trunc(value);
      if (!(value >= 0 && value <= 255)) return {};
      return value;
    case DType::boolean:
      return value != 0 ? 1.0 : 0.0;
  }
  return {};
}

// The result element at `index` of an elementwise or a movement op. `operands` are values of `graph`, which may differ
// from the op's own graph.
double evaluate(const ir::Graph& graph, const ir::Op& op, const std::vector<ir::ValueId>& operands, DType result,
                const Index& index) {
  if (ir::is_elementwise(op.code)) {
    Numbers numbers;
    for (const ir::ValueId operand : operands) {
      const double number = element(graph, operand, index);
      const bool exactly = jumps(op, result) || (ir::has(op.code, ir::Trait::sharp) && std::abs(number) > 1e4);
      numbers.push_back(graph.type(operand).dtype == DType::f32 ? as_operand(number, exactly) : number);
    }
    return ir::apply_scalar(op.code, numbers.data());
  }
  const ir::ValueId operand = operands.front();
  if (op.code == OpCode::broadcast) return element(graph, operand, index);
  if (op.code == OpCode::transpose)
    return element(graph, operand, transposed_index(index, op.attrs.integers(Attr::perm)));
  check(op.code == OpCode::slice, "fold: cannot evaluate the op");
  return element(graph, operand, sliced_index(index, ir::numbers(op.attrs.dims(Attr::start))));
}

bool moves_elements(OpCode code) {
  return code == OpCode::broadcast || code == OpCode::reshape || code == OpCode::transpose || code == OpCode::slice;
}

// The numbers of the result: one number if every operand is filled with one.
std::optional<Numbers> fold_numbers(const ir::Graph& graph, const ir::Op& op, const std::vector<ir::ValueId>& operands,
                                    const Type& type) {
  const bool uniform = std::all_of(operands.begin(), operands.end(),
                                   [&](ir::ValueId operand) { return numbers_of(graph, operand).size() == 1; });
  if (op.code == OpCode::reshape || (uniform && moves_elements(op.code))) return numbers_of(graph, operands[0]);
  if (!uniform && (!type.is_static() || type.elements() > kMostElements)) return {};
  Numbers numbers;
  const Index dims = uniform ? Index() : ir::numbers(type.dims);
  const std::int64_t count = uniform ? 1 : type.elements();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::optional<double> number =
        convert(evaluate(graph, op, operands, type.dtype, unflatten(i, dims)), type.dtype);
    if (!number) return {};
    numbers.push_back(*number);
  }
  return numbers;
}

// Folds the op to a constant; `operands` are values of `graph`, either the source or the new graph.
std::optional<Expr> folded(const ir::Op& op, const ir::Graph& graph, const std::vector<ir::ValueId>& operands,
                           Rewriter& rewriter) {
  const Type& type = rewriter.source().type(op.results.front());
  if (op.code == OpCode::dim_size) {
    const ir::Dim& dim = op.attrs.dims(Attr::dim).front();
    if (!dim.is_number()) return {};
    return full(rewriter.builder(), double(dim.factor), type);
  }
  if (!ir::is_elementwise(op.code) && !moves_elements(op.code)) return {};
  for (const ir::ValueId operand : operands)
    if (!is_constant(graph, operand) || (ir::is_elementwise(op.code) && is_narrow_float(graph.type(operand).dtype)))
      return {};
  const std::optional<Numbers> numbers = fold_numbers(graph, op, operands, type);
  if (!numbers) return {};
  ir::Builder& builder = rewriter.builder();
  return Expr{&builder, builder.create(OpCode::constant, {}, ir::Attrs().set(Attr::values, *numbers), type)};
}

}  // namespace

std::optional<Expr> fold_op(const ir::Op& op, Rewriter& rewriter) {
  return folded(op, rewriter.source(), op.operands, rewriter);
}

// A single walk suffices: later ops see earlier folded results as constants.
GraphPtr fold(const GraphPtr& graph, Context& context) {
  const GraphPtr now = rewrite(graph, [](const ir::Op& op, Rewriter& rewriter) {
    std::vector<ir::ValueId> operands;
    for (const Expr& operand : rewriter[op.operands]) operands.push_back(operand.id);
    return folded(op, rewriter.builder().graph(), operands, rewriter);
  });
  return now == graph ? graph : dce(now, context);
}

}  // namespace weft::passes
