// Type rules of convolutions, pooling and sampling, with the formulas of Dumoulin & Visin 2016.
#include <algorithm>
#include <limits>
#include <string_view>

#include "ir/error.h"
#include "ir/infer/rules.h"

namespace weft::ir {

namespace {

constexpr std::string_view kAxisNames[] = {"height", "width"};

// Keeps the product of two sides within 64 bits, as kMostPair does for attributes.
constexpr std::int64_t kMostSide = std::numeric_limits<std::int32_t>::max();

void check_image(const Type& type, std::string_view what, bool batch_is_first = true) {
  if (type.rank() != 4)
    fail("{} has 4 dims {}, got {}", what, batch_is_first ? "[N,C,H,W]" : "[out,in,height,width]", to_string(type));
  for (std::size_t i = batch_is_first ? 1 : 0; i < 4; ++i)
    if (!type.dims[i].is_number())
      fail("dim {} of {} must be a number: {} is a symbol in {}", i, what, to_string(type.dims[i]), to_string(type));
  if (std::max(type.dims[2].factor, type.dims[3].factor) > kMostSide)
    fail("{} is at most {} high and wide, got {}", what, kMostSide, to_string(type));
}

std::int64_t size(const Type& type, std::size_t dim) { return number(type.dims[dim]); }

// The movement of a window along one axis.
struct Window {
  std::int64_t kernel, stride, padding, dilation;
  std::int64_t reach() const { return dilation * (kernel - 1) + 1; }
};

Window conv_window(const Attrs& attrs, std::int64_t kernel, std::size_t axis) {
  return {kernel, attrs.integers(Attr::stride)[axis], attrs.integers(Attr::padding)[axis],
          attrs.integers(Attr::dilation)[axis]};
}

Window pool_window(const Attrs& attrs, std::size_t axis) {
  return {attrs.integers(Attr::kernel)[axis], attrs.integers(Attr::stride)[axis], attrs.integers(Attr::padding)[axis],
          1};
}

std::int64_t window_count(const Window& window, std::int64_t input, std::size_t axis) {
  const std::int64_t padded = input + 2 * window.padding;
  if (window.reach() > padded)
    fail(
        "the kernel is larger than its input: along the {} it covers {} (kernel {}, dilation {}), the input has {} ({} "
        "and padding {} on both sides)",
        kAxisNames[axis], window.reach(), window.kernel, window.dilation, padded, input, window.padding);
  return (padded - window.reach()) / window.stride + 1;
}

void check_groups(std::int64_t groups, std::int64_t channels, std::string_view what, const Type& type) {
  if (channels % groups != 0)
    fail("groups must divide the channels: {} groups, {} {} channels in {}", groups, channels, what, to_string(type));
}

}  // namespace

void check_bias(const Types& x, const Type& result) {
  if (x.size() < 3) return;
  const Type expected{result.dtype, {result.dims[1]}};
  if (x[2] != expected) fail("the bias must be {}, got {}", to_string(expected), to_string(x[2]));
}

Type infer_conv2d(const Types& x, const Attrs& attrs) {
  check_image(x[0], "the input");
  check_image(x[1], "the kernel", false);
  need_same_dtype({x[0], x[1]});
  const std::int64_t groups = attrs.integer(Attr::groups);
  check_groups(groups, size(x[0], 1), "input", x[0]);
  check_groups(groups, size(x[1], 0), "output", x[1]);
  if (size(x[0], 1) / groups != size(x[1], 1))
    fail("channels differ: {} has {} channels in {} groups, so the kernel takes {}, but {} takes {}", to_string(x[0]),
         size(x[0], 1), groups, size(x[0], 1) / groups, to_string(x[1]), size(x[1], 1));
  Type result{x[0].dtype, {x[0].dims[0], x[1].dims[0]}};
  for (std::size_t axis = 0; axis < 2; ++axis)
    result.dims.push_back(window_count(conv_window(attrs, size(x[1], 2 + axis), axis), size(x[0], 2 + axis), axis));
  check_bias(x, result);
  return result;
}

Type infer_conv_transpose2d(const Types& x, const Attrs& attrs) {
  check_image(x[0], "the input");
  check_image(x[1], "the kernel", false);
  need_same_dtype({x[0], x[1]});
  const std::int64_t groups = attrs.integer(Attr::groups);
  check_groups(groups, size(x[0], 1), "input", x[0]);
  if (x[0].dims[1] != x[1].dims[0])
    fail("channels differ: {} has {}, but the kernel {} takes {}", to_string(x[0]), size(x[0], 1), to_string(x[1]),
         size(x[1], 0));
  Type result{x[0].dtype, {x[0].dims[0], Dim(size(x[1], 1) * groups)}};
  const std::vector<std::int64_t> extra = attrs.integers(Attr::output_padding);
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const Window window = conv_window(attrs, size(x[1], 2 + axis), axis);
    if (extra[axis] >= std::max(window.stride, window.dilation))
      fail(
          "output_padding must be less than the larger of stride and dilation: along the {}, output_padding {}, "
          "stride {}, dilation {}",
          kAxisNames[axis], extra[axis], window.stride, window.dilation);
    const std::int64_t input = size(x[0], 2 + axis);
    const std::int64_t canvas = (input - 1) * window.stride + window.reach() + extra[axis];
    const std::int64_t output = canvas - 2 * window.padding;
    if (output <= 0)
      fail("the padding removes the whole result: along the {} the result has {} before padding, padding {} removes {}",
           kAxisNames[axis], canvas, window.padding, 2 * window.padding);
    result.dims.push_back(output);
  }
  check_bias(x, result);
  return result;
}

Type infer_conv2d_weight_grad(const Types& x, const Attrs& attrs) {
  check_image(x[0], "x");
  check_image(x[1], "dy");
  const std::int64_t groups = attrs.integer(Attr::groups);
  check_groups(groups, size(x[0], 1), "input", x[0]);
  const std::vector<std::int64_t> kernel = attrs.integers(Attr::kernel);
  const Type weight{x[0].dtype, {x[1].dims[1], Dim(size(x[0], 1) / groups), Dim(kernel[0]), Dim(kernel[1])}};
  Attrs conv;
  for (const auto& [key, value] : attrs.values())
    if (key != Attr::kernel) conv.set(key, value);
  const Type expected = infer_conv2d({x[0], weight}, conv);
  if (x[1] != expected)
    fail("the convolution of {} by {} gives {}, but dy is {}", to_string(x[0]), to_string(weight), to_string(expected),
         to_string(x[1]));
  return weight;
}

Type infer_pool2d(const Type& x, const Attrs& attrs) {
  check_image(x, "the input");
  Type result = x;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const Window window = pool_window(attrs, axis);
    if (window.padding >= window.kernel)
      fail("padding must be less than the kernel, or a window holds nothing: along the {}, padding {}, kernel {}",
           kAxisNames[axis], window.padding, window.kernel);
    result.dims[2 + axis] = window_count(window, size(x, 2 + axis), axis);
  }
  return result;
}

Type infer_max_pool2d_grad(const Type& x, const Type& dy, const Attrs& attrs) {
  const Type pooled = infer_pool2d(x, attrs);
  if (dy != pooled) fail("pooling {} gives {}, but dy is {}", to_string(x), to_string(pooled), to_string(dy));
  return x;
}

void check_avg_pool2d_grad(const Type& dy, const Type& written, const Attrs& attrs) {
  const Type pooled = infer_pool2d(written, attrs);
  if (dy != pooled)
    fail("pooling the written {} gives {}, but dy is {}", to_string(written), to_string(pooled), to_string(dy));
}

void check_affine_sample(const Type& x, const Type& theta, const Type& written) {
  check_image(x, "the image");
  check_image(written, "the written type");
  need_same_dtype({x, theta, written});
  const Dims expected{x.dims[0], 2, 3};
  if (theta.dims != expected)
    fail("theta must hold one 2x3 matrix per image, {}, got {}", to_string(expected), to_string(theta));
  if (written.dims[0] != x.dims[0] || written.dims[1] != x.dims[1])
    fail("images and channels must stay: {} and {}", to_string(x), to_string(written));
}

}  // namespace weft::ir
