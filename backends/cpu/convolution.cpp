// The shape, and what pass epilogue added.
#include "backends/cpu/convolution.h"

#include "ir/error.h"

namespace weft::cpu {

Convolution convolution_of(const ir::Graph& graph, const ir::Op& op, const std::string& weights_layout) {
  Convolution c{ir::convolution_shape(graph, op)};
  if (c.direction == Convolution::Direction::forward) {
    c.bias = op.operands.size() == 3;
    c.activation = op.attrs.text(ir::Attr::activation);
  } else {
    check(op.operands.size() == 2 && !op.attrs.has(ir::Attr::activation), "`epilogue` leaves gradients bare");
  }
  c.weights_layout = weights_layout;
  return c;
}

}  // namespace weft::cpu
