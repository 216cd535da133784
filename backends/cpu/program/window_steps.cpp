// The shape of an op over windows, and what the pass `epilogue` added to a convolution.
#include "backends/cpu/program/window_steps.h"

#include "ir/error.h"
#include "ir/layout.h"

namespace weft::cpu {

Convolution convolution_of(const ir::Graph& graph, const ir::Op& op, const std::string& weights_layout) {
  Convolution c{ir::convolution_shape(graph, op)};
  if (c.direction == Convolution::Direction::forward) {
    c.bias = op.operands.size() == 3;
    c.activation = op.attrs.text(ir::Attr::activation);
  } else {
    check(op.operands.size() == 2 && !op.attrs.has(ir::Attr::activation), "`epilogue` adds nothing to gradients");
  }
  c.weights_layout = weights_layout;
  return c;
}

bool is_pooling(const ir::Graph& graph, const ir::Op& op) {
  return ir::info(op.code).kind == ir::OpKind::pooling && ir::is_nhwc(op.attrs) &&
         graph.type(op.results[0]).dtype == ir::DType::f32;
}

PoolingStep pooling_of(const ir::Graph& graph, const ir::Op& op) {
  using Kind = PoolingStep::Kind;
  const bool is_max = op.code == ir::OpCode::max_pool2d || op.code == ir::OpCode::max_pool2d_grad;
  const bool is_gradient = op.code == ir::OpCode::max_pool2d_grad || op.code == ir::OpCode::avg_pool2d_grad;
  PoolingStep work;
  work.kind =
      is_max ? (is_gradient ? Kind::max_gradient : Kind::max) : (is_gradient ? Kind::average_gradient : Kind::average);
  const auto in = ir::numbers(graph.type(is_gradient ? op.results[0] : op.operands[0]).dims);
  const auto out = ir::numbers(graph.type(is_gradient ? op.operands.back() : op.results[0]).dims);
  work.images = in[0];
  work.channels = in[3];
  for (std::size_t axis = 0; axis < 2; ++axis) {
    work.in[axis] = in[1 + axis];
    work.out[axis] = out[1 + axis];
    work.kernel[axis] = op.attrs.integers(ir::Attr::kernel)[axis];
    work.stride[axis] = op.attrs.integers(ir::Attr::stride)[axis];
    work.padding[axis] = op.attrs.integers(ir::Attr::padding)[axis];
  }
  return work;
}

}  // namespace weft::cpu
