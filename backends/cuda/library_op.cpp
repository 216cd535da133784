// From ops to products and convolutions.
#include "backends/cuda/library_op.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/layout.h"
#include "passes/plan.h"

namespace weft::cuda {

using ir::Attr;
using ir::Graph;
using ir::Op;
using ir::OpCode;
using ir::ValueId;

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

// Buffers and ports begin on the planner's borders; floats may begin anywhere in them.
std::uint32_t alignment_of(const passes::Place& place) {
  std::uint32_t alignment = passes::kAlignment;
  while (place.offset * std::int64_t(sizeof(float)) % alignment != 0) alignment /= 2;
  return alignment;
}

Matrix matrix_of(const Graph& graph, ValueId value, const passes::Place& place, bool transposed) {
  const auto dims = ir::numbers(graph.type(value).dims);
  const Matrix matrix{dims[0], dims[1], place.strides[0], place.strides[1], alignment_of(place)};
  return transposed ? Matrix{matrix.columns, matrix.rows, matrix.column_stride, matrix.row_stride, matrix.alignment}
                    : matrix;
}

}  // namespace

bool is_convolution(OpCode code) {
  return code == OpCode::conv2d || code == OpCode::conv_transpose2d || code == OpCode::conv2d_weight_grad;
}

bool is_library_op(const Graph& graph, const Op& op) {
  return (op.code == OpCode::matmul || is_convolution(op.code)) && graph.type(op.results[0]).dtype == ir::DType::f32;
}

Product product_of(const Graph& graph, const Op& op, const std::vector<passes::Place>& places) {
  const auto matrix = [&](ValueId value, bool transposed) {
    return matrix_of(graph, value, places[value], transposed);
  };
  return {matrix(op.operands[0], op.attrs.integer(Attr::transpose_a) != 0),
          matrix(op.operands[1], op.attrs.integer(Attr::transpose_b) != 0), matrix(op.results[0], false),
          op.operands.size() == 3, op.attrs.text(Attr::activation)};
}

Convolution convolution_of(const Graph& graph, const Op& op) {
  check(op.operands.size() == 2 && !op.attrs.has(Attr::activation), "`epilogue` leaves convolutions bare for cuda");
  Convolution c;
  c.channels_last = ir::is_nhwc(op.attrs);
  const auto image = [&](ValueId value) {
    const ir::Type& type = graph.type(value);
    return dims_of(c.channels_last ? ir::to_nchw(type) : type);
  };
  const auto kernel = [&](ValueId value) { return dims_of(graph.type(value)); };
  if (op.code == OpCode::conv2d) {
    c.direction = Convolution::Direction::forward;
    c.x = image(op.operands[0]);
    c.w = kernel(op.operands[1]);
    c.y = image(op.results[0]);
  } else if (op.code == OpCode::conv_transpose2d) {
    c.direction = Convolution::Direction::data;
    c.x = image(op.results[0]);
    c.w = kernel(op.operands[1]);
    c.y = image(op.operands[0]);
  } else {
    c.direction = Convolution::Direction::weights;
    c.x = image(op.operands[0]);
    c.w = kernel(op.results[0]);
    c.y = image(op.operands[1]);
  }
  c.stride = pair_of(op.attrs, Attr::stride);
  c.padding = pair_of(op.attrs, Attr::padding);
  c.dilation = pair_of(op.attrs, Attr::dilation);
  c.groups = op.attrs.integer(Attr::groups);
  return c;
}

double Convolution::flops() const { return 2.0 * double(y[0] * y[1] * y[2] * y[3]) * double(w[1] * w[2] * w[3]); }

double flops_of(const Graph& graph, const Op& op) {
  if (is_convolution(op.code)) return convolution_of(graph, op).flops();
  if (op.code == OpCode::similarity_lse || op.code == OpCode::similarity_lse_grad) {
    const auto dims = ir::numbers(graph.type(op.operands[0]).dims);
    const double product = 2.0 * double(dims[0]) * double(dims[0]) * double(dims[1]);
    return op.code == OpCode::similarity_lse ? product : 2 * product;
  }
  if (op.code != OpCode::matmul) return 0;
  const auto a = ir::numbers(graph.type(op.operands[0]).dims);
  const std::int64_t inner = op.attrs.integer(Attr::transpose_a) != 0 ? a[0] : a[1];
  return 2.0 * double(graph.type(op.results[0]).elements()) * double(inner);
}

}  // namespace weft::cuda
