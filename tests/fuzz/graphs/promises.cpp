#include "tests/fuzz/graphs/promises.h"

#include <algorithm>
#include <cmath>

namespace weft::fuzz {

using ir::OpCode;

namespace {

constexpr double kMost = 1e30, kLeast = 1e-30;  // between them, products and sums hold in any order
constexpr double kLargestAngle = 0x1p50;

bool in_range(double value) {
  return value == 0 || !std::isfinite(value) || (std::abs(value) <= kMost && std::abs(value) >= kLeast);
}

template <typename Condition>
bool any(const Tensor& tensor, Condition condition) {
  return is_float(tensor.type.dtype) && std::ranges::any_of(tensor.data, condition);
}

bool op_may_differ(const ir::Op& op, const Tensors& values) {
  const bool multiplies = op.code == OpCode::mul || op.code == OpCode::div || op.code == OpCode::pow;
  const bool turns = op.code == OpCode::sin || op.code == OpCode::cos;
  const auto beyond = [](double value) { return !in_range(value); };
  for (const ir::ValueId operand : op.operands) {
    const Tensor& x = values[operand];
    if (turns && any(x, [](double value) { return std::abs(value) >= kLargestAngle; })) return true;
    if (sums(op.code) && any(x, [](double value) { return std::isinf(value); })) return true;
    if ((multiplies || sums(op.code)) && any(x, beyond)) return true;
  }
  return (multiplies || sums(op.code)) && any(values[op.results[0]], beyond);
}

}  // namespace

bool may_differ(const ir::Graph& graph, const Tensors& inputs, bool stabilised) {
  const Tensors values = all_values(graph, inputs);
  const auto not_finite = [](double value) { return !std::isfinite(value); };
  if (stabilised && std::ranges::any_of(values, [&](const Tensor& each) { return any(each, not_finite); })) return true;
  return std::ranges::any_of(graph.ops, [&](const ir::Op& op) { return op_may_differ(op, values); });
}

}  // namespace weft::fuzz
