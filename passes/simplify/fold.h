// Constant folding of one op: the rule that both `fold` and `simplify` apply.
#pragma once

#include "passes/rewriter.h"

namespace weft::passes {

// The constant that a pure op of constants is, or a bound dim_size; nothing where it is neither, where the result would
// hold more than a few hundred numbers that differ, or where it would not be finite.
std::optional<Expr> fold_op(const ir::Op& op, Rewriter& rewriter);

}  // namespace weft::passes
