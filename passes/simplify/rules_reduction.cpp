// Rules of sums and maxima. Sums may be reassociated and factors may move out of them: rounding may change, the number
// of terms does not. NaN stays NaN; overflowing sums and sums with infinite terms may change (docs/reference/ir.md,
// "Numbers"). Maxima are exact.
#include <algorithm>
#include <set>

#include "passes/simplify/rule.h"

namespace weft::passes {

using namespace placeholders;
using ir::Attr;
using ir::Dim;
using ir::Dims;
using ir::OpCode;
using ir::ValueId;

namespace {

using Axes = std::vector<std::int64_t>;

Axes axes_of(const ir::Op& op) { return op.attrs.integers(Attr::axes); }
bool has(const Axes& axes, std::int64_t axis) { return std::find(axes.begin(), axes.end(), axis) != axes.end(); }

Expr reduce_like(const Match& m, Expr value, Axes axes) {
  return m.root().code == OpCode::reduce_sum ? reduce_sum(value, std::move(axes)) : reduce_max(value, std::move(axes));
}

Expr sum_like(const Match& m, Expr value) { return reduce_sum(value, axes_of(m.root())); }

// Whether dims broadcast to `rank` dims have size 1 along each reduced axis: equal for all terms of a sum.
bool is_constant_along(const Dims& dims, const Axes& axes, std::size_t rank) {
  const std::int64_t lead = std::int64_t(rank) - std::int64_t(dims.size());
  return std::all_of(axes.begin(), axes.end(),
                     [&](std::int64_t axis) { return axis < lead || dims[std::size_t(axis - lead)].is_one(); });
}

Result drop_axes_of_one(const Match& m) {
  Axes left;
  for (const std::int64_t axis : axes_of(m.root()))
    if (!m.type(x).dims[std::size_t(axis)].is_one()) left.push_back(axis);
  if (left.size() == axes_of(m.root()).size()) return {};
  return reduce_like(m, m[x], left);
}

Result merge_reductions(const Match& m) {
  if (!m.used_once(inner)) return {};
  std::set<std::int64_t> axes;
  for (const std::int64_t axis : axes_of(m.op(inner))) axes.insert(axis);
  for (const std::int64_t axis : axes_of(m.root())) axes.insert(axis);
  return reduce_like(m, m[x], Axes(axes.begin(), axes.end()));
}

// sum(reshape(x)) = sum(x) if both are single numbers: the order of terms does not matter.
Result reduce_all_of_reshape(const Match& m) {
  if (!is_single(m.dims()) || m.type(x).rank() == 0) return {};
  return reshape(reduce_like(m, m[x], all_axes(m.type(x).rank())), m.dims());
}

// The axes of the root along which its operand broadcasts x, and the dims of x padded to the operand's rank.
struct Repeated {
  Axes axes;
  Dims operand_dims;  // of x, with leading ones
};

Repeated repeated_axes(const Match& m) {
  const Dims whole = m.type(inner).dims;
  Repeated repeated{{}, Dims(whole.size() - m.type(x).rank(), Dim(1))};
  for (const Dim& dim : m.type(x).dims) repeated.operand_dims.push_back(dim);
  for (const std::int64_t axis : axes_of(m.root())) {
    const std::size_t i = std::size_t(axis);
    if (repeated.operand_dims[i].is_one() && !whole[i].is_one()) repeated.axes.push_back(axis);
  }
  return repeated;
}

// Whether the dtype can hold counts of terms: 70,000 is infinite in f16.
bool holds_counts(ir::DType dtype) { return dtype != ir::DType::f16; }

// sum(broadcast(x)) -> sum(x) * count; max(broadcast(x)) -> max(x): the repeated axes need no reduction.
Result reduce_of_broadcast(const Match& m) {
  const Repeated repeated = repeated_axes(m);
  if (repeated.axes.empty()) return {};
  if (m.root().code == OpCode::reduce_sum && !holds_counts(m.type().dtype)) return {};
  Axes left;
  Dims counted;
  for (const std::int64_t axis : axes_of(m.root())) {
    if (has(repeated.axes, axis))
      counted.push_back(m.type(inner).dims[std::size_t(axis)]);
    else
      left.push_back(axis);
  }
  const Expr reduced = reduce_like(m, reshape(m[x], repeated.operand_dims), left);
  if (m.root().code == OpCode::reduce_max) return reduced;
  return reduced * element_count(m.rewriter().builder(), counted, m.type().dtype);
}

// sum(c) -> c * count
Result sum_of_constant(const Match& m) {
  if (!holds_counts(m.type().dtype)) return {};
  Dims counted;
  for (const std::int64_t axis : axes_of(m.root())) counted.push_back(m.type(c).dims[std::size_t(axis)]);
  const Expr number = m.constant(m.number(c), {m.type().dtype, {}});
  return number * element_count(m.rewriter().builder(), counted, m.type().dtype);
}

// sum(x * y) -> sum(x) * y if y is the same for all terms: saves arithmetic, and factors outside can merge.
Result factor_out(const Match& m) {
  const Dims whole = m.type(inner).dims;
  const bool constant = is_constant_along(m.type(y).dims, axes_of(m.root()), whole.size());
  if (!constant || m.type(x).dims != whole || !m.used_once(inner)) return {};
  const Expr sum = sum_like(m, m[x]);
  return m.op(inner).code == OpCode::mul ? sum * m[y] : sum / m[y];
}

// sum(x * y) -> sum(x) * y if sum(x) exists already and y is the same for all terms, even if the product has other
// uses.
Result factor_out_of_known_sum(const Match& m) {
  const bool constant = is_constant_along(m.type(y).dims, axes_of(m.root()), m.type(inner).rank());
  if (!constant || m.type(x).dims != m.type(inner).dims) return {};
  for (const ir::OpId id : m.users(x)) {
    if (id >= m.graph().values[m.root().results.front()].op) return {};  // only earlier sums
    const ir::Op& op = m.graph().ops[id];
    if (op.code == OpCode::reduce_sum && axes_of(op) == axes_of(m.root())) return m[op.results.front()] * m[y];
  }
  return {};
}

// Whether a value is a sum, possibly scaled or reshaped.
bool is_sum(const ir::Graph& graph, ValueId value) {
  const ir::Op* op = graph.producer(value);
  if (!op) return false;
  if (op->code == OpCode::reduce_sum) return true;
  if (op->code == OpCode::reshape || op->code == OpCode::neg) return is_sum(graph, op->operands[0]);
  if (op->code != OpCode::mul) return false;
  return (uniform_constant(graph, op->operands[1]) && is_sum(graph, op->operands[0])) ||
         (uniform_constant(graph, op->operands[0]) && is_sum(graph, op->operands[1]));
}

// sum(sum(a) + sum(b)) -> sum(a) + sum(b): each loss of a batch needs one pass over its own data.
Result split_sum_of_sums(const Match& m) {
  const bool same = m.type(x) == m.type(y) && m.type(x) == m.type(inner);
  if (!same || !m.used_once(inner) || !is_sum(m.graph(), m.old(x)) || !is_sum(m.graph(), m.old(y))) return {};
  const Expr a = sum_like(m, m[x]), b = sum_like(m, m[y]);
  return m.op(inner).code == OpCode::add ? a + b : a - b;
}

// sum(concat(x, y)) -> concat(sum(x), sum(y)) along an axis that is not reduced: each sum fuses with the ops that
// compute its part.
Result reduce_of_concat(const Match& m) {
  const std::int64_t axis = m.op(x).attrs.integer(Attr::axis);
  if (has(axes_of(m.root()), axis)) return {};
  std::vector<Expr> parts;
  for (const ValueId part : m.op(x).operands) parts.push_back(reduce_like(m, m[part], axes_of(m.root())));
  return concat(parts, axis);
}

}  // namespace

std::vector<Rule> reduction_rules() {
  std::vector<Rule> rules = {
      rule("sum(c) -> c * count", op(OpCode::reduce_sum, c), sum_of_constant),
      rule("max(c) -> c", op(OpCode::reduce_max, c),
           [](const Match& m) {
             return m.constant(m.number(c), {m.type().dtype, {}});
           }),
      rule("sum(-x) -> -sum(x)", op(OpCode::reduce_sum, (-x).as(inner)),
           [](const Match& m) { return m.used_once(inner) ? Result(-sum_like(m, m[x])) : Result(); }),
      rule("sum(x * y) -> sum(x) * y, y the same for all terms", op(OpCode::reduce_sum, (x * y).as(inner)), factor_out),
      rule("sum(x * y) -> sum(x) * y, where sum(x) is there", op(OpCode::reduce_sum, (x * y).as(inner)),
           factor_out_of_known_sum),
      rule("sum(x / y) -> sum(x) / y, y the same for all terms", op(OpCode::reduce_sum, (x / y).as(inner)), factor_out),
      rule("sum(sum(..) + sum(..)) -> sum(..) + sum(..)", op(OpCode::reduce_sum, (x + y).as(inner)), split_sum_of_sums),
      rule("sum(sum(..) - sum(..)) -> sum(..) - sum(..)", op(OpCode::reduce_sum, (x - y).as(inner)), split_sum_of_sums),
  };
  for (const OpCode f : {OpCode::reduce_sum, OpCode::reduce_max}) {
    rules.push_back(rule("f(x) -> f(x) without axes of size 1", op(f, x), drop_axes_of_one));
    rules.push_back(rule("f(f(x)) -> f(x)", op(f, op(f, x).as(inner)), merge_reductions));
    rules.push_back(
        rule("f(reshape(x)) -> reshape(f(x)), to one number", op(f, op(OpCode::reshape, x)), reduce_all_of_reshape));
    rules.push_back(rule("f(broadcast(x)) -> f(x) over fewer axes", op(f, op(OpCode::broadcast, x).as(inner)),
                         reduce_of_broadcast));
    rules.push_back(rule("f(concat(x, y)) -> concat(f(x), f(y))", op(f, op(OpCode::concat).as(x)), reduce_of_concat));
  }
  return rules;
}

}  // namespace weft::passes
