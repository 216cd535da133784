// Constant folding of one op, for `fold` and `simplify`.
#pragma once

#include "passes/rewriter.h"

namespace weft::passes {

// The constant that a pure op of constants or a bound dim_size evaluates to; nothing for other ops, for results with
// more than a few hundred distinct numbers, and for results that are not finite.
std::optional<Expr> fold_op(const ir::Op& op, Rewriter& rewriter);

}  // namespace weft::passes
