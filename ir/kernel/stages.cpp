// Levels and stages of a kernel's nodes.
#include "ir/kernel/stages.h"

#include <algorithm>

namespace weft::kernel {

namespace {

bool is_final_or_free(const Node& node) {
  return node.level == Level::final || (node.level == Level::point && node.stage == 0);
}

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
    if (node.kind == NodeKind::row_reduce && !feeds_point[i]) node.stage = kernel.row_stages;
    for (const NodeId id : node.operands) {
      const Node& from = kernel.nodes[id];
      const int least = from.stage + (from.kind == NodeKind::row_reduce ? 1 : 0);
      if (node.level != Level::final && !(node.kind == NodeKind::row_reduce && !feeds_point[i]))
        node.stage = std::max(node.stage, least);
    }
  }
}

}  // namespace

void set_stages(Kernel& kernel, const ir::Graph& body, const Space& space, const std::vector<NodeId>& outputs) {
  const std::vector<bool> feeds_point = find_feeding(kernel, body, space, outputs);
  for (Node& node : kernel.nodes) {
    bool depends_on_row = false;
    for (const NodeId id : node.operands) {
      const Node& from = kernel.nodes[id];
      node.stage = std::max(node.stage, from.stage + (from.kind == NodeKind::row_reduce ? 1 : 0));
      depends_on_row = depends_on_row || from.level == Level::row || from.stage > 0;
      if (from.level == Level::final) node.level = Level::final;
    }
    if (node.kind == NodeKind::final_reduce) node.level = Level::final;
    for (const NodeId id : node.operands)
      if (node.level == Level::final && node.kind != NodeKind::final_reduce && !is_final_or_free(kernel.nodes[id]))
        reject(body, "a final value meets a row's");
    if (node.level == Level::final) continue;
    const bool row_reduce = node.kind == NodeKind::row_reduce;
    if (row_reduce || (depends_on_row && (node.varies & space.row()) == 0)) node.level = Level::row;
    if (row_reduce && feeds_point[std::size_t(&node - kernel.nodes.data())])
      kernel.row_stages = std::max(kernel.row_stages, node.stage + 1);
  }
  delay_idle_reduces(kernel, feeds_point);
}

}  // namespace weft::kernel
