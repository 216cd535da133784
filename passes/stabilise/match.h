// What a value is made of: the small questions that the rules of `stabilise` ask of the graph behind it.
#pragma once

#include <optional>
#include <vector>

#include "passes/expr.h"

namespace weft::passes {

using Result = std::optional<Expr>;

const ir::Op* producer(Expr x);
inline bool same(Expr a, Expr b) { return a.id == b.id; }

// The operands of x where `code` makes it, else nothing.
std::vector<Expr> match(Expr x, ir::OpCode code);
// The operand of the op of one operand that makes x, moved as x was.
Result operand_of(Expr x, ir::OpCode code);

// Whether x is elements of one other value, in other places; that value; and `inner` moved as `x` was.
bool is_moved(Expr x);
Expr before_move(Expr x);
Expr move_like(Expr x, Expr inner);

// A constant whose numbers all fulfil `condition`.
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
// b of 1 - b.
Result one_minus(Expr x);
// Whether x = 1 + y, written so or as 1 - (-y).
bool is_one_plus(Expr x, Expr y);
// -x, or y where x = -y.
Expr negated(Expr x);

}  // namespace weft::passes
