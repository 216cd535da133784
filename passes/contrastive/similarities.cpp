// A loss over all pairs of rows computes their products once, and its gradient recomputes them to save memory. For few
// rows this pass stores the products instead, which saves a quarter of a step's operations.
#include <algorithm>
#include <set>

#include "ir/contraction.h"
#include "passes/passes.h"
#include "passes/rewriter.h"

namespace weft::passes {

using ir::Op;
using ir::OpCode;
using ir::ValueId;

namespace {

// The similarity_lse whose gradient the op computes, if their rows match.
const Op* loss_of(const ir::Graph& graph, const Op& op) {
  if (op.code != OpCode::similarity_lse_grad || op.operands.size() != 4) return nullptr;
  const Op* loss = graph.producer(op.operands[2]);
  const bool matches = loss && loss->code == OpCode::similarity_lse && loss->operands.size() == 2 &&
                       std::equal(loss->operands.begin(), loss->operands.end(), op.operands.begin());
  return matches ? loss : nullptr;
}

}  // namespace

GraphPtr similarities(const GraphPtr& graph, Context& context) {
  if (!context.target.similarity_block) return graph;
  std::set<ValueId> losses;  // with a gradient
  for (const Op& op : graph->ops)
    if (const Op* loss = loss_of(*graph, op)) losses.insert(loss->results[0]);

  return rewrite(graph, [&](const Op& op, Rewriter& rewriter) -> std::optional<Expr> {
    const Op* loss = op.code == OpCode::similarity_lse ? &op : loss_of(*graph, op);
    if (!loss || losses.count(loss->results[0]) == 0) return {};
    const ir::Type& rows = graph->type(op.operands[0]);
    const std::int64_t block = context.target.similarity_block(rows);
    if (block == 0) return {};
    std::vector<Expr> operands = rewriter[op.operands];
    operands.push_back(
        apply(OpCode::similarity_tiles, {operands[0]}, {}, ir::similarity_tiles_type(rows, block)));  // shared
    return apply(op.code, operands, op.attrs);
  });
}

}  // namespace weft::passes
