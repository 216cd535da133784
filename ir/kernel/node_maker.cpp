// Nodes of ops and numbers, and the formulas that are written over several.
#include "ir/kernel/node_maker.h"

#include "ir/bits.h"
#include "ir/kernel/queries.h"

namespace weft::kernel {

using ir::OpCode;

NodeId NodeMaker::push(Node node) {
  node.map.strides.resize(kernel_.dims.size(), 0);
  node.varies = varies_of(kernel_, node);
  kernel_.nodes.push_back(std::move(node));
  return NodeId(kernel_.nodes.size() - 1);
}

NodeId NodeMaker::apply(OpCode code, std::vector<NodeId> operands, ir::DType dtype) {
  Node node;
  node.kind = NodeKind::op;
  node.code = code;
  node.dtype = dtype;
  node.operands = std::move(operands);
  return push(std::move(node));
}

NodeId NodeMaker::constant(double number, ir::DType dtype) {
  const auto [found, is_new] = numbers_.try_emplace({bits_of(number), dtype}, NodeId(kernel_.nodes.size()));
  if (!is_new) return found->second;
  Node node;
  node.value = number;
  node.dtype = dtype;
  push(std::move(node));
  return found->second;
}

NodeId NodeMaker::exp_minus_abs(NodeId x) {
  const auto found = exp_minus_abs_.find(x);
  if (found != exp_minus_abs_.end()) return found->second;
  return exp_minus_abs_[x] = apply(OpCode::exp, {apply(OpCode::neg, {apply(OpCode::abs, {x})})});
}

NodeId NodeMaker::softplus(NodeId x) {
  const NodeId log = apply(OpCode::log1p, {exp_minus_abs(x)});
  kernel_.nodes[log].of_unit = true;
  return apply(OpCode::add, {apply(OpCode::relu, {x}), log});
}

NodeId NodeMaker::sigmoid(NodeId x) {
  const NodeId e = exp_minus_abs(x), one = constant(1);
  const NodeId negative = apply(OpCode::lt, {x, constant(0)}, ir::DType::boolean);
  return apply(OpCode::div, {apply(OpCode::select, {negative, e, one}), apply(OpCode::add, {one, e})});
}

NodeMaker::Axis NodeMaker::axis_of(NodeId place, std::int64_t length) {
  const NodeId floor = apply(OpCode::floor, {place}), upper = apply(OpCode::sub, {place, floor});
  const NodeId shares[2] = {apply(OpCode::sub, {constant(1), upper}), upper};
  Axis axis{};
  axis.index[0] = apply(OpCode::cast, {floor}, ir::DType::i32);
  axis.index[1] = apply(OpCode::add, {axis.index[0], constant(1, ir::DType::i32)}, ir::DType::i32);
  for (int i = 0; i < 2; ++i) {
    const NodeId above = apply(OpCode::gt, {axis.index[i], constant(-1, ir::DType::i32)}, ir::DType::boolean);
    const NodeId below =
        apply(OpCode::lt, {axis.index[i], constant(double(length), ir::DType::i32)}, ir::DType::boolean);
    axis.inside[i] = apply(OpCode::logical_and, {above, below}, ir::DType::boolean);
    axis.weight[i] = apply(OpCode::select, {axis.inside[i], shares[i], constant(0)});
  }
  return axis;
}

}  // namespace weft::kernel
