// Facts that follow from other facts of a kernel.
#include "ir/kernel/queries.h"

#include <algorithm>

namespace weft::kernel {

DimSet row_set(const Kernel& kernel) {
  DimSet set = 0;
  for (int d = 0; d < int(kernel.dims.size()); ++d)
    if (kernel.dims[std::size_t(d)].row) set |= bit(d);
  return set;
}

DimSet nonzero(const Map& map) {
  DimSet set = 0;
  for (std::size_t d = 0; d < map.strides.size(); ++d)
    if (map.strides[d] != 0) set |= bit(int(d));
  return set;
}

std::vector<int> list(DimSet set) {
  std::vector<int> dims;
  for (int d = 0; set >> d != 0; ++d)
    if (set & bit(d)) dims.push_back(d);
  return dims;
}

DimSet varies_of(const Kernel& kernel, const Node& node) {
  if (node.kind == NodeKind::final_reduce) return nonzero(node.map);
  DimSet set = nonzero(node.map);
  for (const NodeId operand : node.operands) set |= kernel.nodes[operand].varies;
  return node.kind == NodeKind::row_reduce ? set & ~row_set(kernel) : set;
}

Level level_of(const Kernel& kernel, const Node& node) {
  if (node.kind == NodeKind::final_reduce) return Level::final;
  bool depends_on_row = node.kind == NodeKind::row_reduce;
  for (const NodeId operand : node.operands) {
    const Node& from = kernel.nodes[operand];
    if (from.level == Level::final) return Level::final;
    depends_on_row = depends_on_row || !is_free(from);
  }
  return depends_on_row && (node.varies & row_set(kernel)) == 0 ? Level::row : Level::point;
}

int ready_stage(const Node& node) { return node.stage + (node.kind == NodeKind::row_reduce ? 1 : 0); }

int first_stage(const Kernel& kernel, const Node& node) {
  if (node.level == Level::final) return 0;
  int stage = 0;
  for (const NodeId operand : node.operands) stage = std::max(stage, ready_stage(kernel.nodes[operand]));
  return stage;
}

bool is_free(const Node& node) { return node.level == Level::point && node.stage == 0; }

std::vector<NodeId> row_reductions(const Kernel& kernel, int stage) {
  std::vector<NodeId> result;
  for (NodeId id = 0; id < kernel.nodes.size(); ++id)
    if (kernel.nodes[id].kind == NodeKind::row_reduce && kernel.nodes[id].stage == stage) result.push_back(id);
  return result;
}

std::vector<NodeId> final_reductions(const Kernel& kernel) {
  std::vector<NodeId> result;
  for (NodeId id = 0; id < kernel.nodes.size(); ++id)
    if (kernel.nodes[id].kind == NodeKind::final_reduce) result.push_back(id);
  return result;
}

bool counts_at_points(const Kernel& kernel, NodeId final_reduce) {
  const DimSet row = row_set(kernel);
  return row == 0 || (row & ~kernel.nodes[final_reduce].once) != 0;
}

Kind kind_of(ir::DType dtype) {
  switch (dtype) {
    case ir::DType::f32:
    case ir::DType::bf16:
    case ir::DType::f16:
      return Kind::f32;
    case ir::DType::i32:
    case ir::DType::u8:
      return Kind::i32;
    case ir::DType::boolean:
      return Kind::truth;
  }
  return Kind::f32;
}

}  // namespace weft::kernel
