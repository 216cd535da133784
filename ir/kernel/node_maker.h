// Adds nodes to a kernel: what `lower` makes of ops, before it knows anything of rows and levels.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "ir/kernel/kernel.h"

namespace weft::kernel {

// `kernel_` has the dims of its space before the first node.
class NodeMaker {
 protected:
  // At the end of the kernel's nodes, with what it varies along. A map without strides has 0 along each dim of the
  // space.
  NodeId push(Node node);
  NodeId apply(ir::OpCode code, std::vector<NodeId> operands, ir::DType dtype = ir::DType::f32);
  NodeId constant(double number, ir::DType dtype = ir::DType::f32);  // one node a number, by its bits
  NodeId multiply(NodeId a, NodeId b) { return apply(ir::OpCode::mul, {a, b}); }
  NodeId multiply(NodeId a, double number) { return number == 1 ? a : multiply(a, constant(number)); }

  // max(x, 0) + log(1 + e^-|x|), and (x < 0 ? e^-|x| : 1) / (1 + e^-|x|): of one x they share e^-|x|.
  NodeId softplus(NodeId x);
  NodeId sigmoid(NodeId x);

  // The two pixels of an axis of `length` around a place, and their shares: 0 for one that is outside.
  struct Axis {
    NodeId index[2], weight[2], inside[2];
  };
  Axis axis_of(NodeId place, std::int64_t length);

  Kernel kernel_;

 private:
  NodeId exp_minus_abs(NodeId x);

  std::map<NodeId, NodeId> exp_minus_abs_;
  std::map<std::pair<std::uint64_t, ir::DType>, NodeId> numbers_;
};

}  // namespace weft::kernel
