// Drops ops that no output needs. Inputs stay: they are the interface.
#include <algorithm>

#include "passes/passes.h"
#include "passes/rewriter.h"

namespace weft::passes {

namespace {

std::vector<bool> live_ops(const ir::Graph& graph) {
  std::vector<bool> live(graph.ops.size(), false);
  const auto mark = [&](ir::ValueId value) {
    if (graph.values[value].op != ir::kNone) live[graph.values[value].op] = true;
  };
  for (const ir::Output& output : graph.outputs) mark(output.value);
  for (std::size_t i = graph.ops.size(); i-- > 0;) {
    if (!live[i]) continue;
    for (const ir::ValueId operand : graph.ops[i].operands) mark(operand);
  }
  return live;
}

}  // namespace

GraphPtr dce(const GraphPtr& graph, Context&) {
  const std::vector<bool> live = live_ops(*graph);
  if (std::find(live.begin(), live.end(), false) == live.end()) return graph;
  Rewriter rewriter(graph);
  rewriter.copy_inputs();
  for (std::size_t i = 0; i < graph->ops.size(); ++i)
    if (live[i]) rewriter.copy(graph->ops[i]);
  rewriter.copy_outputs();
  return rewriter.finish();
}

}  // namespace weft::passes
