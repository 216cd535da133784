// Pattern queries on the graph behind a value, for the rules of `stabilise`.
#pragma once

#include <optional>
#include <vector>

#include "passes/expr.h"

namespace weft::passes {

using Result = std::optional<Expr>;

const ir::Op* producer(Expr x);
inline bool same(Expr a, Expr b) { return a.id == b.id; }

// The operands of x if op `code` computes it, else nothing.
std::vector<Expr> match(Expr x, ir::OpCode code);
// The operand of the unary op `code` that computes x, with x's movements applied.
Result operand_of(Expr x, ir::OpCode code);

// Whether x rearranges the elements of one value; that value; and `inner` rearranged like `x`.
bool is_moved(Expr x);
Expr before_move(Expr x);
Expr move_like(Expr x, Expr inner);

// Whether x is a constant whose numbers all satisfy `condition`.
template <typename Condition>
bool is_constant(Expr x, Condition condition) {
  while (is_moved(x)) x = before_move(x);
  const ir::Op* op = producer(x);
  if (!op || op->code != ir::OpCode::constant) return false;
  for (const double value : op->attrs.numbers(ir::Attr::values))
    if (!condition(value)) return false;
  return true;
}
bool is_number(Expr x, double number);

// The other operand of a sum or product with the constant `number`.
Result beside(Expr x, ir::OpCode code, double number);
// Returns b if x = 1 - b.
Result one_minus(Expr x);
// Whether x = 1 + y, also as 1 - (-y).
bool is_one_plus(Expr x, Expr y);
// -x, or y where x = -y.
Expr negated(Expr x);

}  // namespace weft::passes
