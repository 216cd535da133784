// Adds a copy, a `fused` op that only yields, for each value that cannot be read or written in place (placement.h).
#include <set>

#include "ir/error.h"
#include "passes/passes.h"
#include "passes/plan/placement.h"
#include "passes/rewriter.h"

namespace weft::passes {

using ir::Builder;
using ir::Graph;
using ir::kNone;
using ir::Op;
using ir::OpId;
using ir::ValueId;

namespace {

Expr copy_of(Expr x) {
  Builder body("fused");
  const ValueId input = body.input("x", x.type());
  // A cast to the same dtype, because a body needs an op to yield.
  body.output("copy", body.create(ir::OpCode::cast, {input}, {}, x.type()));
  return {x.builder, x.builder->fused({x.id}, std::make_shared<const Graph>(body.take()))[0]};
}

GraphPtr with_copies(const GraphPtr& graph, const std::vector<Misfit>& misfits) {
  std::set<std::pair<OpId, std::uint32_t>> wanted;
  for (const Misfit& misfit : misfits) wanted.insert({misfit.op, misfit.index});
  Rewriter rewriter(graph);
  rewriter.copy_inputs();
  for (OpId id = 0; id < graph->ops.size(); ++id) {
    const Op& op = graph->ops[id];
    rewriter.builder().set_where(op.location);
    std::vector<ValueId> operands;
    for (std::uint32_t i = 0; i < op.operands.size(); ++i) {
      const Expr operand = rewriter[op.operands[i]];
      operands.push_back(wanted.count({id, i}) == 0 ? operand.id : copy_of(operand).id);
    }
    rewriter.copy(op, std::move(operands));
  }
  for (std::uint32_t i = 0; i < graph->outputs.size(); ++i) {
    const ValueId value = graph->outputs[i].value;
    if (wanted.count({kNone, i}) != 0) rewriter.map(value, copy_of(rewriter[value]));
    rewriter.copy_output(graph->outputs[i]);
  }
  return rewriter.finish();
}

}  // namespace

GraphPtr copies(const GraphPtr& graph, Context& context) {
  GraphPtr current = graph;
  // A copy may cause another misfit (a view of a value that moved); each round removes one depth of misfits.
  for (int round = 0; round < 16; ++round) {
    const std::vector<Misfit> misfits = place_values(*current).misfits;
    if (misfits.empty()) return current;
    for (const Misfit& misfit : misfits) {
      const ValueId value =
          misfit.op == kNone ? current->outputs[misfit.index].value : current->ops[misfit.op].operands[misfit.index];
      const ir::Location location = misfit.op == kNone ? ir::Location{} : current->ops[misfit.op].location;
      context.notes.push_back(
          {"copies", location,
           fmt::format("{} is copied, {} bytes: {}", to_string(current->type(value)), current->type(value).bytes(),
                       misfit.op == kNone
                           ? "output " + current->outputs[misfit.index].name + " needs its own memory"
                           : fmt::format("{} cannot read it in place", ir::name(current->ops[misfit.op].code)))});
    }
    current = with_copies(current, misfits);
  }
  throw InternalError("copies does not terminate");
}

}  // namespace weft::passes
