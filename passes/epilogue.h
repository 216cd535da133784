// The inverse of `epilogue` for one op, where an activation on a contraction is in the way.
#pragma once

#include <optional>

#include "passes/rewriter.h"

namespace weft::passes {

// A contraction with an activation as the two ops it stands for; nothing for any other op.
std::optional<Expr> split_activation(const ir::Op& op, Rewriter& rewriter);

}  // namespace weft::passes
