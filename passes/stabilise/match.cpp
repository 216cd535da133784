#include "passes/stabilise/match.h"

namespace weft::passes {

using ir::OpCode;

const ir::Op* producer(Expr x) { return x.builder->graph().producer(x.id); }

std::vector<Expr> match(Expr x, OpCode code) {
  const ir::Op* op = producer(x);
  std::vector<Expr> operands;
  if (op && op->code == code)
    for (const ir::ValueId operand : op->operands) operands.push_back({x.builder, operand});
  return operands;
}

bool is_moved(Expr x) {
  const ir::Op* op = producer(x);
  return op && (op->code == OpCode::reshape || op->code == OpCode::broadcast || op->code == OpCode::transpose ||
                op->code == OpCode::slice);
}

Expr before_move(Expr x) { return {x.builder, producer(x)->operands.front()}; }

Expr move_like(Expr x, Expr inner) {
  const ir::Op op = *producer(x);  // by value: the builder's ops move when it grows
  std::optional<ir::Type> written;
  if (ir::has(op.code, ir::Trait::typed)) written = ir::Type{inner.dtype(), x.dims()};
  return apply(op.code, {inner}, op.attrs, written);
}

bool is_number(Expr x, double number) {
  return is_constant(x, [=](double value) { return value == number; });
}

Result beside(Expr x, OpCode code, double number) {
  const std::vector<Expr> ab = match(x, code);
  if (ab.empty()) return {};
  if (is_number(ab[0], number)) return ab[1];
  if (is_number(ab[1], number)) return ab[0];
  return {};
}

Result one_minus(Expr x) {
  const std::vector<Expr> ab = match(x, OpCode::sub);
  if (ab.empty() || !is_number(ab[0], 1)) return {};
  return ab[1];
}

Result operand_of(Expr x, OpCode code) {
  if (is_moved(x)) {
    const Result inner = operand_of(before_move(x), code);
    return inner ? move_like(x, *inner) : Result();
  }
  const std::vector<Expr> operands = match(x, code);
  return operands.empty() ? Result() : operands.front();
}

bool is_one_plus(Expr x, Expr y) {
  if (const Result other = beside(x, OpCode::add, 1)) return same(*other, y);
  const Result minus_y = one_minus(x);
  if (!minus_y) return false;
  const std::vector<Expr> z = match(y, OpCode::neg), w = match(*minus_y, OpCode::neg);
  return (!z.empty() && same(z[0], *minus_y)) || (!w.empty() && same(w[0], y));
}

Expr negated(Expr x) {
  const Result inner = operand_of(x, OpCode::neg);
  return inner ? *inner : -x;
}

}  // namespace weft::passes
