// From the three ops to one relation.
#include "backends/cpu/convolution.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/layout.h"

namespace weft::cpu {

using ir::Attr;
using ir::OpCode;

namespace {

std::array<std::int64_t, 4> dims_of(const ir::Type& type) {
  std::array<std::int64_t, 4> dims{};
  const std::vector<std::int64_t> numbers = ir::numbers(type.dims);
  std::copy_n(numbers.begin(), 4, dims.begin());
  return dims;
}

std::array<std::int64_t, 2> pair_of(const ir::Attrs& attrs, Attr key) {
  const std::vector<std::int64_t> pair = attrs.integers(key);
  return {pair[0], pair[1]};
}

}  // namespace

bool is_convolution(OpCode code) {
  return code == OpCode::conv2d || code == OpCode::conv_transpose2d || code == OpCode::conv2d_weight_grad;
}

Convolution convolution_of(const ir::Graph& graph, const ir::Op& op, const std::string& weights_layout) {
  Convolution c;
  c.channels_last = ir::is_nhwc(op.attrs);
  const auto image = [&](ir::ValueId value) {
    const ir::Type& type = graph.type(value);
    return dims_of(c.channels_last ? ir::to_nchw(type) : type);
  };
  if (op.code == OpCode::conv2d) {
    c.direction = Convolution::Direction::forward;
    c.x = image(op.operands[0]);
    c.w = dims_of(graph.type(op.operands[1]));
    c.y = image(op.results[0]);
    c.bias = op.operands.size() == 3;
    c.activation = op.attrs.text(Attr::activation);
  } else if (op.code == OpCode::conv_transpose2d) {
    check(op.operands.size() == 2 && !op.attrs.has(Attr::activation), "`epilogue` leaves transposed convolutions bare");
    c.direction = Convolution::Direction::data;
    c.x = image(op.results[0]);
    c.w = dims_of(graph.type(op.operands[1]));
    c.y = image(op.operands[0]);
  } else {
    c.direction = Convolution::Direction::weights;
    c.x = image(op.operands[0]);
    c.w = dims_of(graph.type(op.results[0]));
    c.y = image(op.operands[1]);
  }
  c.stride = pair_of(op.attrs, Attr::stride);
  c.padding = pair_of(op.attrs, Attr::padding);
  c.dilation = pair_of(op.attrs, Attr::dilation);
  c.groups = op.attrs.integer(Attr::groups);
  c.weights_layout = weights_layout;
  return c;
}

}  // namespace weft::cpu
