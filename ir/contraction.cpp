// Shapes, attributes and operation counts of contractions.
#include "ir/contraction.h"

#include <algorithm>
#include <vector>

#include "ir/error.h"
#include "ir/integer.h"
#include "ir/layout.h"

namespace weft::ir {

namespace {

using Direction = ConvolutionShape::Direction;

std::array<std::int64_t, 4> dims_of(const Type& type) {
  std::array<std::int64_t, 4> dims{};
  const std::vector<std::int64_t> all = numbers(type.dims);
  std::copy_n(all.begin(), 4, dims.begin());
  return dims;
}

std::array<std::int64_t, 2> pair_of(const Attrs& attrs, Attr key) {
  const std::vector<std::int64_t> pair = attrs.integers(key);
  return {pair[0], pair[1]};
}

double matmul_flops(const Graph& graph, const Op& op) {
  const Dims& a = graph.type(op.operands[0]).dims;
  const Dim& inner = a[a.size() - (op.attrs.integer(Attr::transpose_a) != 0 ? 2 : 1)];
  return 2 * double(graph.type(op.results[0]).elements()) * double(number(inner));
}

// Each element of y meets one filter.
double convolution_flops(const ConvolutionShape& c) {
  return 2 * double(c.y[0] * c.y[1] * c.y[2] * c.y[3]) * double(c.w[1] * c.w[2] * c.w[3]);
}

}  // namespace

bool is_convolution(OpCode code) {
  return code == OpCode::conv2d || code == OpCode::conv_transpose2d || code == OpCode::conv2d_weight_grad;
}

ConvolutionShape convolution_shape(const Graph& graph, const Op& op) {
  ConvolutionShape c;
  c.channels_last = is_nhwc(op.attrs);
  const auto image = [&](ValueId value) {
    const Type& type = graph.type(value);
    return dims_of(c.channels_last ? to_nchw(type) : type);
  };
  if (op.code == OpCode::conv2d) {
    c.direction = Direction::forward;
    c.x = image(op.operands[0]);
    c.w = dims_of(graph.type(op.operands[1]));
    c.y = image(op.results[0]);
  } else if (op.code == OpCode::conv_transpose2d) {
    c.direction = Direction::data;
    c.x = image(op.results[0]);
    c.w = dims_of(graph.type(op.operands[1]));
    c.y = image(op.operands[0]);
  } else {
    check(op.code == OpCode::conv2d_weight_grad, "a convolution");
    c.direction = Direction::weights;
    c.x = image(op.operands[0]);
    c.w = dims_of(graph.type(op.results[0]));
    c.y = image(op.operands[1]);
  }
  c.stride = pair_of(op.attrs, Attr::stride);
  c.padding = pair_of(op.attrs, Attr::padding);
  c.dilation = pair_of(op.attrs, Attr::dilation);
  c.groups = op.attrs.integer(Attr::groups);
  return c;
}

Type similarity_tiles_type(const Type& x, std::int64_t block) {
  const std::int64_t blocks = ceil_div(x.dims[0].factor, block);
  return {x.dtype, {blocks * (blocks + 1) / 2, block, block}};
}

double flops_of(const Graph& graph, const Op& op) {
  const auto operand = [&](std::size_t i) { return double(graph.type(op.operands[i]).elements()); };
  if (op.code == OpCode::matmul) return matmul_flops(graph, op);
  if (is_convolution(op.code)) return convolution_flops(convolution_shape(graph, op));
  // The forward pass computes each pair of rows once. The backward pass computes it again unless its matmul was kept,
  // and uses it once per row of the pair.
  const auto similarities = [&] { return operand(0) * double(graph.type(op.operands[0]).dims[0].factor); };
  if (op.code == OpCode::similarity_tiles) return similarities();
  if (op.code == OpCode::similarity_lse) return op.operands.size() == 3 ? 0 : similarities();
  if (op.code == OpCode::similarity_lse_grad) return (op.operands.size() == 5 ? 2 : 3) * similarities();
  check(info(op.code).kind != OpKind::contraction, "every contraction has a count of operations");
  return 0;
}

}  // namespace weft::ir
