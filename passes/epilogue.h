// The inverse of `epilogue` for one op, for passes that need the activation as a separate op.
#pragma once

#include <optional>

#include "passes/rewriter.h"

namespace weft::passes {

// Splits a contraction with an activation into two ops; nothing for any other op.
std::optional<Expr> split_activation(const ir::Op& op, Rewriter& rewriter);

}  // namespace weft::passes
