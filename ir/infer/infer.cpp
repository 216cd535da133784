// The type rule of every op: result type from the operands' types and the attributes.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/infer/rules.h"
#include "ir/layout.h"
#include "ir/visible.h"

namespace weft::ir {

// Shared checks

std::string list(const Types& types) {
  std::string text;
  for (std::size_t i = 0; i < types.size(); ++i)
    text += (i == 0 ? "" : i + 1 == types.size() ? " and " : ", ") + to_string(types[i]);
  return text;
}

void need_same_dtype(const Types& x, std::size_t first) {
  for (std::size_t i = first; i < x.size(); ++i)
    if (x[i].dtype != x[first].dtype) fail("dtypes differ: {}; cast one of them", list(x));
}

void need_dtype(const Type& written, DType dtype) {
  if (written.dtype != dtype) fail("the dtype stays {}, but {} is written", name(dtype), to_string(written));
}

namespace {

// Arity and attributes

void check_arity(const OpInfo& row, std::size_t given) {
  const int count = int(given);
  if (count >= row.min_arity && count <= row.max_arity) return;
  if (row.min_arity == row.max_arity) fail("takes {} operand(s), got {}", row.min_arity, given);
  if (row.max_arity == kMany) fail("takes {} or more operands, got {}", row.min_arity, given);
  fail("takes {} to {} operands, got {}", row.min_arity, row.max_arity, given);
}

std::string_view describe(AttrType type) {
  switch (type) {
    case AttrType::integer:
      return "a whole number";
    case AttrType::integers:
      return "a list of whole numbers";
    case AttrType::numbers:
      return "a list of numbers";
    case AttrType::dims:
      return "a list of dims";
    case AttrType::text:
      return "a text";
  }
  return "";
}

// The alternatives of AttrValue are in the order of AttrType.
AttrType type_of(const AttrValue& value) { return AttrType(value.index()); }

// Bounds that keep every product of two attributes within 64 bits.
constexpr std::int64_t kMostPair = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kMost = std::int64_t(1) << 48;

void check_bounds(Attr key, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least) fail("attribute {} must be at least {}, got {}", info(key).name, least, value);
  if (value > most) fail("attribute {} must be at most {}, got {}", info(key).name, most, value);
}

void check_pair(const Attrs& attrs, Attr key, std::int64_t least) {
  if (!attrs.has(key)) return;
  const std::vector<std::int64_t> pair = attrs.integers(key);
  if (pair.size() != 2) fail("attribute {} is a pair [height, width], got {} number(s)", info(key).name, pair.size());
  for (const std::int64_t each : pair) check_bounds(key, each, least, kMostPair);
}

void check_range(const Attrs& attrs, Attr key, std::int64_t least, std::int64_t most) {
  if (attrs.has(key)) check_bounds(key, attrs.integer(key), least, most);
}

void check_attributes(const OpInfo& row, const Attrs& attrs) {
  for (const auto& [key, value] : attrs.values()) {
    if (!contains(row.attributes, key)) fail("takes no attribute {}", info(key).name);
    if (type_of(value) != info(key).type)
      fail("attribute {} is {}, got {}", info(key).name, describe(info(key).type), describe(type_of(value)));
  }
  for (const AttrInfo& each : attr_table())
    if (contains(row.attributes, each.attr) && each.is_required() && !attrs.has(each.attr))
      fail("needs the attribute {} ({})", each.name, each.doc);
  for (const Attr key : {Attr::stride, Attr::dilation, Attr::kernel}) check_pair(attrs, key, 1);
  for (const Attr key : {Attr::padding, Attr::output_padding}) check_pair(attrs, key, 0);
  for (const Attr key : {Attr::transpose_a, Attr::transpose_b}) check_range(attrs, key, 0, 1);
  check_range(attrs, Attr::groups, 1, kMost);
  for (const Attr key : {Attr::axis, Attr::stream, Attr::offset}) check_range(attrs, key, 0, kMost);
}

// Dtypes

bool is_taken(DType dtype, Takes takes) {
  switch (takes) {
    case Takes::numbers:
      return is_arithmetic(dtype);
    case Takes::floats:
      return is_float(dtype);
    case Takes::bools:
      return dtype == DType::boolean;
    case Takes::any:
    case Takes::choice:
      return true;
  }
  return false;
}

void check_dtypes(const OpInfo& row, const Types& x) {
  if (row.takes == Takes::choice && x[0].dtype != DType::boolean)
    fail("the condition must be a bool, got {}", to_string(x[0]));
  for (const Type& type : x)
    if (!is_taken(type.dtype, row.takes))
      fail("needs {}, got {}",
           row.takes == Takes::floats    ? "floats"
           : row.takes == Takes::numbers ? "floats or i32"
                                         : "bools",
           list(x));
}

// Elementwise

Dims broadcast_all(const Types& x) {
  Dims dims = x[0].dims;
  for (std::size_t i = 1; i < x.size(); ++i) {
    const std::optional<Dims> both = broadcast(dims, x[i].dims);
    if (!both) fail("shapes do not broadcast: {}", list(x));
    dims = *both;
  }
  return dims;
}

Type infer_elementwise(const OpInfo& row, const Types& x, const Type& written) {
  const std::size_t first = row.takes == Takes::choice ? 1 : 0;
  need_same_dtype(x, first);
  if (row.has(Trait::typed) && x[0].dims != written.dims)
    fail("a cast keeps the dims: {} to {}", to_string(x[0]), to_string(written));
  if (row.has(Trait::typed)) return written;
  return {row.has(Trait::truth) ? DType::boolean : x[first].dtype, broadcast_all(x)};
}

// Sources

// Whether `dtype` can hold `value` (floats may round).
bool fits(double value, DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::bf16:
    case DType::f16:
      return true;
    case DType::i32:
      return value == std::floor(value) && std::abs(value) <= double(std::numeric_limits<std::int32_t>::max());
    case DType::u8:
      return value == std::floor(value) && value >= 0 && value <= 255;
    case DType::boolean:
      return value == 0 || value == 1;
  }
  return false;
}

void check_constant(const Attrs& attrs, const Type& written) {
  const std::vector<double>& values = attrs.numbers(Attr::values);
  if (values.empty()) fail("values is empty; {} needs one number, or one per element", to_string(written));
  if (values.size() > 1 && (!written.is_static() || std::int64_t(values.size()) != written.elements()))
    fail("{} values do not fill {}", values.size(), to_string(written));
  for (const double value : values)
    if (!fits(value, written.dtype)) fail("{} is not a valid {}", value, name(written.dtype));
}

void check_iota(const Attrs& attrs, const Type& written) {
  if (!is_arithmetic(written.dtype)) fail("the result holds floats or i32, but {} is written", to_string(written));
  if (attrs.integer(Attr::axis) >= std::int64_t(written.rank()))
    fail("axis {} is beyond {}", attrs.integer(Attr::axis), to_string(written));
}

void check_dim_size(const Attrs& attrs, const Type& written) {
  const Dims& dims = attrs.dims(Attr::dim);
  if (dims.size() != 1 || dims[0].factor <= 0) fail("dim is one dim greater than 0, got {}", to_string(dims));
  if (!written.is_scalar() || !is_arithmetic(written.dtype))
    fail("the result is a scalar f32[] or i32[], but {} is written", to_string(written));
}

void check_random(const Type& seed, const Type& written) {
  if (seed != i32({4})) fail("the operand is i32[4] (seed and step), got {}", to_string(seed));
  if (written.dtype != DType::f32) fail("the result is f32, but {} is written", to_string(written));
}

// Reductions

Type infer_reduce(const Type& x, const Attrs& attrs) {
  const std::vector<std::int64_t> axes = attrs.integers(Attr::axes);
  if (axes.empty()) fail("axes is empty: nothing of {} to reduce", to_string(x));
  Type result = x;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] < 0 || axes[i] >= std::int64_t(x.rank())) fail("axis {} is beyond {}", axes[i], to_string(x));
    if (i > 0 && axes[i] <= axes[i - 1]) fail("axes must ascend: {} follows {}", axes[i], axes[i - 1]);
    result.dims[std::size_t(axes[i])] = 1;
  }
  return result;
}

void check_activation(const Attrs& attrs, const Type& result) {
  const std::string activation = attrs.text(Attr::activation);
  const std::vector<std::string>& known = activation_names();
  if (activation.empty() || std::ranges::find(known, activation) != known.end()) return;
  fail("activation must name an elementwise op of one float, as relu or tanh; got {} for {}", brief(activation),
       to_string(result));
}

// The type by the rule; for typed ops `written`, after checking it against the rule.
Type apply_rule(OpCode code, const Types& x, const Attrs& attrs, const Type& written) {
  if (is_elementwise(code)) return infer_elementwise(info(code), x, written);
  switch (code) {
    case OpCode::constant:
      check_constant(attrs, written);
      return written;
    case OpCode::iota:
      check_iota(attrs, written);
      return written;
    case OpCode::dim_size:
      check_dim_size(attrs, written);
      return written;
    case OpCode::random_uniform:
    case OpCode::random_normal:
      check_random(x[0], written);
      return written;
    case OpCode::reduce_sum:
    case OpCode::reduce_max:
      return infer_reduce(x[0], attrs);
    case OpCode::matmul:
      return infer_matmul(x, attrs, written);
    case OpCode::conv2d:
      return infer_conv2d(x, attrs);
    case OpCode::conv_transpose2d:
      return infer_conv_transpose2d(x, attrs);
    case OpCode::conv2d_weight_grad:
      return infer_conv2d_weight_grad(x, attrs);
    case OpCode::similarity_lse:
      return infer_similarity_lse(x);
    case OpCode::similarity_lse_grad:
      return infer_similarity_lse_grad(x);
    case OpCode::similarity_tiles:
      check_similarity_tiles(x[0], written);
      return written;
    case OpCode::max_pool2d:
    case OpCode::avg_pool2d:
      return infer_pool2d(x[0], attrs);
    case OpCode::max_pool2d_grad:
      return infer_max_pool2d_grad(x[0], x[1], attrs);
    case OpCode::avg_pool2d_grad:
      check_avg_pool2d_grad(x[0], written, attrs);
      return written;
    case OpCode::broadcast:
      check_broadcast(x[0], written);
      return written;
    case OpCode::reshape:
      check_reshape(x[0], written);
      return written;
    case OpCode::transpose:
      return infer_transpose(x[0], attrs);
    case OpCode::slice:
      need_dtype(written, x[0].dtype);
      check_box(x[0], written, attrs.dims(Attr::start));
      return written;
    case OpCode::pad:
      need_dtype(written, x[0].dtype);
      check_box(written, x[0], attrs.dims(Attr::start));
      return written;
    case OpCode::concat:
      return infer_concat(x, attrs);
    case OpCode::gather:
      return infer_gather(x[0], x[1]);
    case OpCode::scatter_add:
      check_scatter_add(x[0], x[1], written);
      return written;
    case OpCode::affine_sample:
      check_affine_sample(x[0], x[1], written);
      return written;
    case OpCode::affine_sample_grad:
      check_affine_sample(written, x[0], x[1]);
      return written;
    case OpCode::pack:
      check_pack(x, attrs, written);
      return written;
    case OpCode::view:
      check_view(x[0], attrs, written);
      return written;
#define ELEMENTWISE(name, ...) case OpCode::name:
#include "ir/ops.def"
    case OpCode::fused:
      break;
  }
  throw InternalError("infer: the types of a fused op are those of its body");
}

// The rules of images assume NCHW.
Type apply_image_rule(OpCode code, Types operands, const Attrs& attrs, const std::optional<Type>& written) {
  const std::string layout = attrs.text(Attr::layout);
  if (layout != "nchw" && layout != "nhwc") fail("layout must be nchw or nhwc, got {}", layout);
  if (!is_nhwc(attrs)) return apply_rule(code, operands, attrs, written.value_or(Type()));
  for (std::size_t i = 0; i < operands.size(); ++i)
    if (is_image_operand(code, i)) operands[i] = to_nchw(operands[i]);
  const Type result = apply_rule(code, operands, attrs, written ? to_nchw(*written) : Type());
  return makes_image(code) ? to_nhwc(result) : result;
}

}  // namespace

void check_size(const Type& type) {
  constexpr double kMostElements = 1e15;
  double elements = 1;
  for (const Dim& dim : type.dims) {
    if (dim.factor <= 0)
      fail("{} has a dim of size {}; every dim must hold at least 1 element", to_string(type), to_string(dim));
    elements *= double(dim.factor);
  }
  if (elements > kMostElements)
    fail("{} has {:.2g} elements; the limit is {:.0g}", to_string(type), elements, kMostElements);
}

Type infer(OpCode code, const std::vector<Type>& operands, const Attrs& attrs, const std::optional<Type>& written) {
  const OpInfo& row = info(code);
  check_arity(row, operands.size());
  check_attributes(row, attrs);
  if (row.has(Trait::typed) && !written) fail("needs its result type written");
  for (const Type& operand : operands) check_size(operand);
  if (written) check_size(*written);
  check_dtypes(row, operands);
  const Type result = has_layout(code) ? apply_image_rule(code, operands, attrs, written)
                                       : apply_rule(code, operands, attrs, written.value_or(Type()));
  check_size(result);
  if (written && result != *written)
    fail("the result is {}, but {} is written", to_string(result), to_string(*written));
  if (contains(row.attributes, Attr::activation)) check_activation(attrs, result);
  return result;
}

}  // namespace weft::ir
