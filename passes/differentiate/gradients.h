// The gradient rule of every op: what `differentiate` asks on its way back.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "passes/expr.h"

namespace weft::passes {

// One op on the way back: its operands and result in the new graph, and the gradient of the loss by that result.
struct Backward {
  const ir::Op& op;
  std::vector<Expr> operands;
  Expr result;
  Expr gradient;             // of the result's type
  std::vector<bool> wanted;  // by operand: whether anything needs its gradient
};

// The gradients by the operands, in order; an Expr without a builder where none flows. A gradient may still have the
// dims of a broadcast: the caller sums it back (`sum_to`). What is not wanted may be given all the same, and is swept
// later. Throws Error with the user's place where a wanted gradient has no rule.
std::vector<Expr> gradients(const Backward& backward);

}  // namespace weft::passes
