// Products, convolutions, pooling and sampling.
#include <numeric>

#include "backends/onnx/ops.h"
#include "ir/error.h"
#include "ir/layout.h"

namespace weft::onnx {

using ir::Attr;
using ir::Op;
using ir::OpCode;

namespace {

void need_nchw(const Op& op) {
  if (ir::is_nhwc(op.attrs))
    fail("[{}] has its images in the order nhwc, and those of ONNX are nchw; export the graph before the pass layout",
         ir::name(op.code));
}

// ONNX counts padding at the begin of each axis, then at the end of each.
std::vector<std::int64_t> both_sides(std::vector<std::int64_t> padding) {
  padding.insert(padding.end(), {padding[0], padding[1]});
  return padding;
}

}  // namespace

std::string translate_matmul(Emitter& emit, const Op& op) {
  const std::int64_t transpose_a = op.attrs.integer(Attr::transpose_a);
  const std::int64_t transpose_b = op.attrs.integer(Attr::transpose_b);
  if (op.operands.size() == 2 && transpose_a == 0 && transpose_b == 0) return emit.node("MatMul", emit[op.operands]);
  if (const std::size_t rank = emit.type(op.operands[0]).rank(); rank > 2) {  // Gemm takes matrices alone
    std::vector<std::int64_t> perm(rank);
    std::iota(perm.begin(), perm.end(), 0);
    std::swap(perm[rank - 2], perm[rank - 1]);
    const auto side = [&](std::size_t i, bool is_transposed) {
      const std::string name = emit[op.operands[i]];
      return is_transposed ? emit.node("Transpose", {name}, {{"perm", perm}}) : name;
    };
    return emit.node("MatMul", {side(0, transpose_a != 0), side(1, transpose_b != 0)});
  }
  Attributes attributes;
  if (transpose_a != 0) attributes.emplace_back("transA", transpose_a);
  if (transpose_b != 0) attributes.emplace_back("transB", transpose_b);
  return emit.node("Gemm", emit[op.operands], std::move(attributes));
}

// The kernels of both are as ONNX has them: [out,in/groups,kH,kW] and, transposed, [in,out/groups,kH,kW].
std::string translate_convolution(Emitter& emit, const Op& op) {
  need_nchw(op);
  const std::vector<std::int64_t> kernel = ir::numbers(emit.type(op.operands[1]).dims);
  Attributes attributes{{"kernel_shape", std::vector<std::int64_t>{kernel[2], kernel[3]}},
                        {"strides", op.attrs.integers(Attr::stride)},
                        {"pads", both_sides(op.attrs.integers(Attr::padding))},
                        {"dilations", op.attrs.integers(Attr::dilation)},
                        {"group", op.attrs.integer(Attr::groups)}};
  if (op.code == OpCode::conv2d) return emit.node("Conv", emit[op.operands], std::move(attributes));
  attributes.emplace_back("output_padding", op.attrs.integers(Attr::output_padding));
  return emit.node("ConvTranspose", emit[op.operands], std::move(attributes));
}

std::string translate_pooling(Emitter& emit, const Op& op) {
  need_nchw(op);
  Attributes attributes{{"kernel_shape", op.attrs.integers(Attr::kernel)},
                        {"strides", op.attrs.integers(Attr::stride)},
                        {"pads", both_sides(op.attrs.integers(Attr::padding))}};
  if (op.code == OpCode::max_pool2d) return emit.node("MaxPool", emit[op.operands], std::move(attributes));
  attributes.emplace_back("count_include_pad", std::int64_t(1));
  return emit.node("AveragePool", emit[op.operands], std::move(attributes));
}

// The middles of the result's pixels, as rows (u, v, 1), under each image's map, then sampled there.
std::string translate_affine_sample(Emitter& emit, const Op& op) {
  const ir::Type& result = emit.result_type(op);
  const std::int64_t height = ir::number(result.dims[2]), width = ir::number(result.dims[3]);
  std::vector<double> middles;
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      middles.insert(middles.end(),
                     {(2 * double(x) + 1) / double(width) - 1, (2 * double(y) + 1) / double(height) - 1, 1});
  const std::string base = emit.numbers(middles, {result.dtype, {height * width, 3}});
  const std::string maps =
      emit.node("Transpose", {emit[op.operands[1]]}, {{"perm", std::vector<std::int64_t>{0, 2, 1}}});
  const std::string points = emit.node("MatMul", {base, maps});  // [N,height*width,2]
  const ir::Dim& images = result.dims[0];
  const std::string grid = emit.reshape(points, {images, height * width, 2}, {images, height, width, 2});
  return emit.node(
      "GridSample", {emit[op.operands[0]], grid},
      {{"mode", std::string("bilinear")}, {"padding_mode", std::string("zeros")}, {"align_corners", std::int64_t(0)}});
}

}  // namespace weft::onnx
