// The gradient rule of every op, for `differentiate`.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "passes/expr.h"

namespace weft::passes {

// One op in the backward walk: its operands and result in the new graph, and the gradient of the loss with respect to
// that result.
struct Backward {
  const ir::Op& op;
  std::vector<Expr> operands;
  Expr result;
  Expr gradient;             // same type as the result
  std::vector<bool> wanted;  // by operand: whether anything needs its gradient
};

// The gradients of the operands, in order; an Expr without a builder if there is none. A gradient may still have
// broadcast dims: the caller sums them (`sum_to`). Gradients that are not wanted may be returned too; dce removes them.
// Throws Error with the source location if a wanted gradient has no rule.
std::vector<Expr> gradients(const Backward& backward);

}  // namespace weft::passes
