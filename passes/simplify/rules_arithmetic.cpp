// Rules of elementwise ops. They change only rounding (sums are never reordered, constants are multiplied in double)
// and keep NaN and infinities: `x * 0 -> 0`, `x - x -> 0` and `x / x -> 1` are not rules. The sign of a zero may
// change. Rules without a condition hold for floats and for integers that wrap; rules that move factors assume that
// intermediate values stay within the float range (docs/reference/ir.md, "Numbers").
#include <cmath>

#include "passes/simplify/fold.h"
#include "passes/simplify/rule.h"

namespace weft::passes {

using namespace placeholders;
using ir::DType;
using ir::OpCode;

namespace {

// x * factor; nothing if the product of constants would overflow or lose float precision.
Result scaled(Expr value, double factor) {
  const bool representable = factor == 0 || (std::abs(factor) > 1e-30 && std::abs(factor) < 1e30);
  if (!representable || value.dtype() != DType::f32) return {};
  return value * factor;
}

// A common factor of both terms of a sum. Infinite factors stay: inf + -inf is NaN, but inf times a sum may not be. A
// factor below 1 may move out although the sum may then overflow, because gradients of means need this.
bool are_equal(double c, double d) { return c == d && std::isfinite(c); }

bool is_power_of_two(double number) {
  int exponent = 0;
  return std::abs(std::frexp(number, &exponent)) == 0.5;
}

// (x * y) * c with x a single number and y many: saves one multiplication per element.
Result scale_the_single(const Match& m) {
  if (!is_single(m.type(x).dims) || is_single(m.type(y).dims) || !m.used_once(inner)) return {};
  return (m[x] * m.number(c)) * m[y];
}

// Whether `to` represents every value of `from`.
bool is_lossless(DType from, DType to) {
  if (from == to || from == DType::boolean) return true;
  if (from == DType::u8) return to != DType::boolean;
  return is_narrow_float(from) && to == DType::f32;
}

// The source of a broadcast: its operand, or a scalar for a constant of one number.
std::optional<Expr> narrower(const Match& m, ir::ValueId value) {
  const ir::Op* op = m.graph().producer(value);
  if (!op) return {};
  if (op->code == OpCode::broadcast) return m[op->operands.front()];
  const std::optional<double> number = uniform_constant(m.graph(), value);
  const ir::Type& type = m.graph().type(value);
  if (number && !type.is_scalar()) return m.constant(*number, {type.dtype, {}});
  return {};
}

ir::Dims broadcast_dims(const std::vector<Expr>& operands) {
  ir::Dims dims;
  for (const Expr& operand : operands) dims = *ir::broadcast(dims, operand.dims());
  return dims;
}

Expr same_op(const Match& m, const std::vector<Expr>& operands) {
  std::optional<ir::Type> written;
  if (ir::has(m.root().code, ir::Trait::typed)) written = ir::Type{m.type().dtype, broadcast_dims(operands)};
  return apply(m.root().code, operands, m.root().attrs, std::move(written));
}

// Moves broadcasts after the op, which then computes fewer elements; elementwise ops broadcast their operands anyway.
Result lift_broadcasts(const Match& m) {
  std::vector<Expr> operands;
  bool lifted = false;
  for (const ir::ValueId operand : m.root().operands) {
    const std::optional<Expr> source = narrower(m, operand);
    lifted = lifted || source;
    operands.push_back(source.value_or(m[operand]));
  }
  if (!lifted) return {};
  return same_op(m, operands);
}

// Drops a reshape that only adds leading ones, if numpy broadcasting gives the same dims.
Result drop_leading_ones(const Match& m) {
  std::vector<Expr> operands;
  bool dropped = false;
  for (const ir::ValueId operand : m.root().operands) {
    const ir::Op* op = m.graph().producer(operand);
    const bool drop = op && op->code == OpCode::reshape &&
                      adds_leading_ones(m.graph().type(op->operands.front()).dims, m.graph().type(operand).dims);
    dropped = dropped || drop;
    operands.push_back(m[drop ? op->operands.front() : operand]);
  }
  if (!dropped || broadcast_dims(operands) != m.dims()) return {};
  return same_op(m, operands);
}

Result fold_constants(const Match& m) { return fold_op(m.root(), m.rewriter()); }

}  // namespace

std::vector<Rule> arithmetic_rules() {
  const auto keep = [](const Match& m) -> Result { return m[x]; };
  std::vector<Rule> rules = {
      rule("x + 0 -> x", x + 0, keep),
      rule("x - 0 -> x", x - 0, keep),
      rule("x * 1 -> x", x * 1, keep),
      rule("x / 1 -> x", x / 1, keep),
      rule("-(-x) -> x", -(-x), keep),
      rule("0 - x -> -x", 0 - x, [](const Match& m) { return -m[x]; }),
      rule("x * -1 -> -x", x * -1, [](const Match& m) { return -m[x]; }),
      rule("x / -1 -> -x", x / -1, [](const Match& m) { return -m[x]; }),
      rule("x + -y -> x - y", x + -y, [](const Match& m) { return m[x] - m[y]; }),
      rule("x - -y -> x + y", x - -y, [](const Match& m) { return m[x] + m[y]; }),
      rule("x + x -> x * 2", x + x, [](const Match& m) { return m[x] * 2; }),
      rule("-(x - y) -> y - x", -(x - y), [](const Match& m) { return m[y] - m[x]; }),
      rule("-x * -y -> x * y", -x * -y, [](const Match& m) { return m[x] * m[y]; }),
      rule("-x / -y -> x / y", -x / -y, [](const Match& m) { return m[x] / m[y]; }),

      rule("-x * c -> x * -c", -x * c, [](const Match& m) { return m[x] * -m.number(c); }),
      rule("-x / c -> x / -c", -x / c, [](const Match& m) { return m[x] / -m.number(c); }),
      rule("-(x * c) -> x * -c", -(x * c), [](const Match& m) { return m[x] * -m.number(c); }),
      rule("-(x / c) -> x / -c", -(x / c), [](const Match& m) { return m[x] / -m.number(c); }),
      rule("(x * c) * d -> x * (c * d)", (x * c) * d,
           [](const Match& m) { return scaled(m[x], m.number(c) * m.number(d)); }),
      rule("(x * c) / d -> x * (c / d)", (x * c) / d,
           [](const Match& m) { return scaled(m[x], m.number(c) / m.number(d)); }),
      rule("(x / c) * d -> x * (d / c)", (x / c) * d,
           [](const Match& m) { return scaled(m[x], m.number(d) / m.number(c)); }),
      rule("(x / c) / d -> x * (1 / (c * d))", (x / c) / d,
           [](const Match& m) { return scaled(m[x], 1 / (m.number(c) * m.number(d))); }),
      rule("(x * y) * c -> (x * c) * y, x a single number", (x * y).as(inner) * c, scale_the_single),
      rule("x * c + y * d -> (x + y) * c, d = c", x * c + y * d,
           [](const Match& m) {
             return are_equal(m.number(c), m.number(d)) ? Result((m[x] + m[y]) * m.number(c)) : Result();
           }),
      rule("x * c + y * d -> (x - y) * c, d = -c", x * c + y * d,
           [](const Match& m) {
             const bool opposite = m.number(c) > 0 && are_equal(m.number(c), -m.number(d));
             return opposite ? Result((m[x] - m[y]) * m.number(c)) : Result();
           }),
      rule("x * c - y * d -> (x - y) * c, d = c", x * c - y * d,
           [](const Match& m) {
             return are_equal(m.number(c), m.number(d)) ? Result((m[x] - m[y]) * m.number(c)) : Result();
           }),
      rule("x / c -> x * (1 / c), c a power of two", x / c,
           [](const Match& m) { return is_power_of_two(m.number(c)) ? scaled(m[x], 1 / m.number(c)) : Result(); }),

      rule("x ^ 1 -> x", op(OpCode::pow, x, 1), keep),
      rule("x ^ 2 -> x * x", op(OpCode::pow, x, 2), [](const Match& m) { return m[x] * m[x]; }),
      rule("x ^ 0.5 -> sqrt(x)", op(OpCode::pow, x, 0.5), [](const Match& m) { return sqrt(m[x]); }),
      rule("x ^ -0.5 -> rsqrt(x)", op(OpCode::pow, x, -0.5), [](const Match& m) { return rsqrt(m[x]); }),
      rule("1 / sqrt(x) -> rsqrt(x)", 1 / op(OpCode::sqrt, x), [](const Match& m) { return rsqrt(m[x]); }),

      rule("max(x, x) -> x", op(OpCode::max, x, x), keep),
      rule("min(x, x) -> x", op(OpCode::min, x, x), keep),
      rule("max(x, 0) -> relu(x)", op(OpCode::max, x, 0), [](const Match& m) { return relu(m[x]); }),
      rule("relu(relu(x)) -> relu(x)", op(OpCode::relu, op(OpCode::relu, x)),
           [](const Match& m) { return relu(m[x]); }),
      rule("|-x| -> |x|", op(OpCode::abs, -x), [](const Match& m) { return abs(m[x]); }),
      rule("||x|| -> |x|", op(OpCode::abs, op(OpCode::abs, x)), [](const Match& m) { return abs(m[x]); }),

      rule("not not x -> x", op(OpCode::logical_not, op(OpCode::logical_not, x)), keep),
      rule("not (x == y) -> x != y", op(OpCode::logical_not, op(OpCode::eq, x, y)),
           [](const Match& m) { return ne(m[x], m[y]); }),
      rule("not (x != y) -> x == y", op(OpCode::logical_not, op(OpCode::ne, x, y)),
           [](const Match& m) { return eq(m[x], m[y]); }),
      rule("x and true -> x", op(OpCode::logical_and, x, 1), keep),
      rule("x or false -> x", op(OpCode::logical_or, x, 0), keep),
      rule("select(true, x, y) -> x", op(OpCode::select, 1, x, y), keep),
      rule("select(false, y, x) -> x", op(OpCode::select, 0, y, x), keep),
      rule("select(y, x, x) -> x", op(OpCode::select, y, x, x), keep),
      rule("select(not z, x, y) -> select(z, y, x)", op(OpCode::select, op(OpCode::logical_not, z), x, y),
           [](const Match& m) { return select(m[z], m[y], m[x]); }),

      rule("stop_gradient(x) -> x", op(OpCode::stop_gradient, x), keep),
      rule("cast(x) -> x, to its own dtype", op(OpCode::cast, x),
           [](const Match& m) { return m.type(x) == m.type() ? Result(m[x]) : Result(); }),
      rule("cast(cast(x)) -> cast(x), where the inner one loses nothing",
           op(OpCode::cast, op(OpCode::cast, x).as(inner)),
           [](const Match& m) {
             const bool lossless = is_lossless(m.type(x).dtype, m.type(inner).dtype);
             return lossless ? Result(cast(m[x], m.type().dtype)) : Result();
           }),
  };
  for (std::size_t i = 0; i < ir::op_table().size(); ++i) {
    const OpCode f = OpCode(i);
    if (!ir::is_elementwise(f)) continue;
    rules.push_back(rule("f(constants) -> constant", op(f), fold_constants));
    rules.push_back(rule("f(broadcast(x), y) -> broadcast(f(x, y))", op(f), lift_broadcasts));
    if (ir::info(f).max_arity > 1)
      rules.push_back(rule("f(reshape(x, [1, ..]), y) -> f(x, y)", op(f), drop_leading_ones));
  }
  return rules;
}

}  // namespace weft::passes
