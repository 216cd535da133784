// Pooling: one thread per element of the result. A gradient gathers from the windows that contain an image's element,
// in order, so that no two threads add to the same number.
#include <algorithm>

#include "backends/cuda/ops/op_kernel.h"
#include "ir/error.h"
#include "ir/layout.h"

namespace weft::cuda {

using ir::Attr;
using ir::OpCode;

namespace {

// `image` is the offset of the image's channel (n, c); element (y, x) lies at image + y * kRow + x * kColumn.
constexpr const char* kForward = R"cuda(  // The pixels of the window that lie inside the image.
  const int top = y * kStrideY - kPaddingY, left = x * kStrideX - kPaddingX;
  const int y0 = top < 0 ? 0 : top, y1 = top + kKernelY < kHeight ? top + kKernelY : kHeight;
  const int x0 = left < 0 ? 0 : left, x1 = left + kKernelX < kWidth ? left + kKernelX : kWidth;
  float result = NONE;
  for (int row = y0; row < y1; ++row)
    for (int column = x0; column < x1; ++column) {
      const float value = LOAD(in[image + row * kRow + column * kColumn]);
      JOIN
    }
  out[item] = STORE((result)SHARE);
}
)cuda";

constexpr const char* kBackward = R"cuda(  // The windows that contain pixel (y, x).
  const int y0 = y + kPaddingY < kKernelY ? 0 : (y + kPaddingY - kKernelY) / kStrideY + 1;
  const int x0 = x + kPaddingX < kKernelX ? 0 : (x + kPaddingX - kKernelX) / kStrideX + 1;
  const int y1 = (y + kPaddingY) / kStrideY < kRows - 1 ? (y + kPaddingY) / kStrideY : kRows - 1;
  const int x1 = (x + kPaddingX) / kStrideX < kColumns - 1 ? (x + kPaddingX) / kStrideX : kColumns - 1;
  float sum = 0.0f;
  for (int row = y0; row <= y1; ++row)
    for (int column = x0; column <= x1; ++column) {
CHOICE      sum += LOAD(dy[windows + row * kWindowRow + column * kColumn])SHARE;
    }
  out[item] = STORE(sum);
}
)cuda";

// Skips the window unless the pixel is its first maximum or its first NaN.
constexpr const char* kIsMaximum =
    R"cuda(      const int top = row * kStrideY - kPaddingY, left = column * kStrideX - kPaddingX;
      bool is_maximum = true;
      const float mine = LOAD(in[item]);
      for (int i = 0; i < kKernelY; ++i)
        for (int j = 0; j < kKernelX; ++j) {
          const int r = top + i, c = left + j;
          if (r < 0 || r >= kHeight || c < 0 || c >= kWidth) continue;
          const float other = LOAD(in[image + r * kRow + c * kColumn]);
          const bool before = r < y || (r == y && c < x);
          const bool both_nan = other != other && mine != mine;
          const bool larger = other > mine || (other != other && mine == mine);
          if (larger || (before && (other == mine || both_nan))) is_maximum = false;
        }
      if (!is_maximum) continue;
)cuda";

struct Shape {
  std::int64_t images, channels, height, width, rows, columns;
};

Shape shape_of(const OpShape& op, bool nhwc) {
  const bool is_grad = op.code == OpCode::max_pool2d_grad || op.code == OpCode::avg_pool2d_grad;
  const auto large = ir::numbers(is_grad ? op.result.dims : op.operands[0].dims);
  const auto small = ir::numbers(is_grad ? op.operands.back().dims : op.result.dims);
  if (nhwc) return {large[0], large[3], large[1], large[2], small[1], small[2]};
  return {large[0], large[1], large[2], large[3], small[2], small[3]};
}

std::string constants(const OpShape& op, const Shape& s, bool nhwc) {
  const auto kernel = op.attrs.integers(Attr::kernel), stride = op.attrs.integers(Attr::stride),
             padding = op.attrs.integers(Attr::padding);
  const std::int64_t column = nhwc ? s.channels : 1;
  return fmt::format(
      "  constexpr int kChannels = {}, kHeight = {}, kWidth = {}, kRows = {}, kColumns = {};\n"
      "  constexpr int kKernelY = {}, kKernelX = {}, kStrideY = {}, kStrideX = {}, kPaddingY = {}, kPaddingX = {};\n"
      "  constexpr int kColumn = {}, kRow = {}, kWindowRow = {};\n",
      s.channels, s.height, s.width, s.rows, s.columns, kernel[0], kernel[1], stride[0], stride[1], padding[0],
      padding[1], column, s.width * column, s.columns * column);
}

// Decomposes the index of a result element: its position, and the offsets of its channel in the image and in the
// windows.
std::string places(bool nhwc, bool is_grad, const char* index) {
  const std::string height = is_grad ? "kHeight" : "kRows", width = is_grad ? "kWidth" : "kColumns";
  if (nhwc)
    return fmt::format(
        "  const int x = item / kChannels % {1}, y = item / kChannels / {1} % {0}, c = item % kChannels;\n"
        "  const {2} n = item / kChannels / {1} / {0};\n"
        "  const {2} image = n * (kHeight * kWidth * kChannels) + c, windows = n * (kRows * kColumns * kChannels) + "
        "c;\n",
        height, width, index);
  return fmt::format(
      "  const int x = item % {1}, y = item / {1} % {0};\n"
      "  const {2} plane = item / {1} / {0}, image = plane * (kHeight * kWidth), windows = plane * (kRows * "
      "kColumns);\n",
      height, width, index);
}

}  // namespace

EmittedKernel emit_pooling(const OpShape& op, const std::string& name) {
  const bool nhwc = ir::is_nhwc(op.attrs), is_max = op.code == OpCode::max_pool2d || op.code == OpCode::max_pool2d_grad;
  const bool is_grad = op.code == OpCode::max_pool2d_grad || op.code == OpCode::avg_pool2d_grad;
  const Shape shape = shape_of(op, nhwc);
  const std::int64_t items = op.result.elements();
  const std::int64_t most = std::max(items, op.operands[0].elements());
  const char* index = most < (std::int64_t{1} << 31) - 256 ? "int" : "long long";
  const auto kernel = op.attrs.integers(Attr::kernel);
  const std::vector<std::pair<std::string, std::string>> words = {
      {"CHOICE", is_max ? kIsMaximum : ""},
      {"NONE", is_max ? "-kInfinity" : "0.0f"},
      {"JOIN",
       is_max ? "if (value > result || (value != value && result == result)) result = value;" : "result += value;"},
      {"SHARE", is_max ? "" : fmt::format(" / {}.0f", kernel[0] * kernel[1])},
  };
  std::string parameters = "const ELEMENT* in, ELEMENT* out";
  if (op.code == OpCode::max_pool2d_grad) parameters = "const ELEMENT* in, const ELEMENT* dy, ELEMENT* out";
  if (op.code == OpCode::avg_pool2d_grad) parameters = "const ELEMENT* dy, ELEMENT* out";
  const std::string head = fmt::format(
      "// {} of {}, a thread per element\n"
      "extern \"C\" __global__ void __launch_bounds__(256) {}({}, void*) {{\n{}"
      "  const {} item = ({})blockIdx.x * 256 + threadIdx.x;\n"
      "  if (item >= {}) return;\n",
      ir::name(op.code), to_string(op.operands[0]), name, parameters, constants(op, shape, nhwc), index, index, items);
  EmittedKernel result;
  const std::string body = fill_in(is_grad ? kBackward : kForward, words);
  result.text = fill_in(head + places(nhwc, is_grad, index) + body, element_words(op));
  result.launches = {one_each(name, items)};
  return result;
}

}  // namespace weft::cuda
