// Levels and stages of a kernel's nodes.
#include "ir/kernel/stages.h"

#include <algorithm>

#include "ir/kernel/queries.h"

namespace weft::kernel {

namespace {

// Whether a reduction adds one number of a row repeatedly along the row.
bool adds_at_points(const Kernel& kernel, const Space& space, const Node& node, NodeId operand) {
  if (node.kind == NodeKind::row_reduce) return (kernel.nodes[operand].varies & space.row()) == 0;
  return node.kind == NodeKind::final_reduce && (space.row() & ~node.once) != 0;
}

// Nodes that some node varying along the row depends on, including outputs that extend along the row.
std::vector<bool> find_feeding(const Kernel& kernel, const ir::Graph& body, const Space& space,
                               const std::vector<NodeId>& outputs) {
  std::vector<bool> feeds(kernel.nodes.size(), false);
  for (std::size_t i = 0; i < body.outputs.size(); ++i)
    if (space.extents(body.outputs[i].value) & space.row()) feeds[outputs[i]] = true;
  for (std::size_t i = kernel.nodes.size(); i-- > 0;)
    for (const NodeId id : kernel.nodes[i].operands)
      if (feeds[i] || (kernel.nodes[i].varies & space.row()) != 0 || adds_at_points(kernel, space, kernel.nodes[i], id))
        feeds[id] = true;
  return feeds;
}

void delay_idle_reduces(Kernel& kernel, const std::vector<bool>& feeds_point) {
  for (std::size_t i = 0; i < kernel.nodes.size(); ++i) {
    Node& node = kernel.nodes[i];
    const bool is_idle = node.kind == NodeKind::row_reduce && !feeds_point[i];
    node.stage = is_idle ? kernel.row_stages : first_stage(kernel, node);
  }
}

}  // namespace

void set_stages(Kernel& kernel, const ir::Graph& body, const Space& space, const std::vector<NodeId>& outputs) {
  const std::vector<bool> feeds_point = find_feeding(kernel, body, space, outputs);
  for (std::size_t i = 0; i < kernel.nodes.size(); ++i) {
    Node& node = kernel.nodes[i];
    node.level = level_of(kernel, node);
    node.stage = first_stage(kernel, node);
    if (node.level == Level::final && node.kind != NodeKind::final_reduce)
      for (const NodeId id : node.operands)
        if (kernel.nodes[id].level != Level::final && !is_free(kernel.nodes[id]))
          reject(body, "a final value meets a row's");
    if (node.kind == NodeKind::row_reduce && node.level == Level::row && feeds_point[i])
      kernel.row_stages = std::max(kernel.row_stages, node.stage + 1);
  }
  delay_idle_reduces(kernel, feeds_point);
}

}  // namespace weft::kernel
