// Random products, convolutions, similarities, pooling and sampling, with every attribute they have.
#include "ir/contraction.h"

#include <algorithm>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/layout.h"
#include "tests/fuzz/graphs/generator.h"

namespace weft::fuzz {

using ir::Attr;
using ir::Attrs;
using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::OpCode;
using ir::Type;
using ir::ValueId;

void Generator::activate(Attrs& attrs) {
  if (random_.chance(30))
    attrs.set(Attr::activation, random_.chance(40) ? "relu" : random_.pick(ir::activation_names()));
}

Generator::Value Generator::matmul() {
  ValueId a = random_.chance(25) ? matrices() : matrix();
  const Type type = maker_.type(a);
  const bool transpose_a = random_.chance(40), transpose_b = random_.chance(40);
  const std::size_t rank = type.rank(), row = rank - 2, column = rank - 1;
  const Dim inner = type.dims[transpose_a ? row : column];
  const Dims leading(type.dims.begin(), type.dims.end() - 2);
  const auto with_leading = [&](const Dim& rows, const Dim& columns) {
    Dims dims = leading;
    dims.insert(dims.end(), {rows, columns});
    return dims;
  };
  const Value there = find([&](const Type& each) {
    return each.rank() == rank && each.dtype == type.dtype && each.dims[transpose_b ? column : row] == inner &&
           std::equal(leading.begin(), leading.end(), each.dims.begin());
  });
  const Dim columns = size();
  const Type other{type.dtype, transpose_b ? with_leading(columns, inner) : with_leading(inner, columns)};
  if (!there && !fits(other)) return {};
  std::vector<ValueId> operands{a, there ? *there : fresh(other)};
  Attrs attrs;
  attrs.set(Attr::transpose_a, std::int64_t(transpose_a)).set(Attr::transpose_b, std::int64_t(transpose_b));
  Type result{type.dtype, with_leading(type.dims[transpose_a ? column : row],
                                       maker_.type(operands[1]).dims[transpose_b ? row : column])};
  if (type.dtype != DType::f32 && random_.chance(30)) result.dtype = DType::f32;
  if (!fits(result)) return {};
  if (rank == 2 && random_.chance(40)) operands.push_back(of_type({result.dtype, {result.dims[1]}}));
  activate(attrs);
  return maker_.add(OpCode::matmul, operands, attrs, result);
}

std::vector<std::int64_t> Generator::pair(std::int64_t low, std::int64_t high, int percent_low) {
  std::vector<std::int64_t> result;
  for (int i = 0; i < 2; ++i) result.push_back(random_.chance(percent_low) ? low : random_.between(low, high));
  return result;
}

Attrs Generator::window(std::int64_t most_dilation) {
  Attrs attrs;
  attrs.set(Attr::stride, pair(1, 3, 60)).set(Attr::padding, pair(0, 2, 50));
  if (most_dilation > 1) attrs.set(Attr::dilation, pair(1, most_dilation, 70));
  return attrs;
}

// An op of images, channels last one time in five: its images go through transposes then.
Generator::Value Generator::image_op(OpCode code, std::vector<ValueId> operands, Attrs attrs,
                                     std::optional<Type> written) {
  if (written && !fits(*written)) return {};
  const std::size_t ops_before = maker_.graph.ops.size();
  try {
    if (settings_.differentiable || !random_.chance(20)) return checked(code, operands, attrs, written);
    for (std::size_t i = 0; i < operands.size(); ++i)
      if (ir::is_image_operand(code, i) && maker_.type(operands[i]).rank() == 4)
        operands[i] = maker_.add(OpCode::transpose, {operands[i]}, Attrs().set(Attr::perm, ir::kNchwToNhwc));
    attrs.set(Attr::layout, std::string("nhwc"));
    if (written) written = ir::to_nhwc(*written);
    const Value value = checked(code, operands, attrs, written);
    if (!value || !ir::makes_image(code) || random_.chance(30)) return value;
    return maker_.add(OpCode::transpose, {*value}, Attrs().set(Attr::perm, ir::kNhwcToNchw));
  } catch (const Error&) {  // the window does not fit: the transposes, if any, stay as dead ops
    check(maker_.graph.ops.size() <= ops_before + 2, "a declined op leaves no more than transposes");
    return {};
  }
}

Generator::Value Generator::convolution(OpCode code) {
  const ValueId x = image();
  const Type type = maker_.type(x);
  const std::int64_t channels = type.dims[1].factor;
  std::vector<std::int64_t> divisors;
  for (std::int64_t i = 1; i <= channels; ++i)
    if (channels % i == 0) divisors.push_back(i);
  const std::int64_t groups = random_.chance(60) ? 1 : random_.pick(divisors);
  const std::int64_t out = groups * random_.between(1, 3);
  const std::vector<std::int64_t> kernel = pair(1, 3, 40);
  Attrs attrs = window(2).set(Attr::groups, groups);
  if (code == OpCode::conv2d_weight_grad) {
    Type w{type.dtype, {Dim(out), Dim(channels / groups), Dim(kernel[0]), Dim(kernel[1])}};
    Type dy;
    try {
      dy = ir::infer(OpCode::conv2d, {type, w}, attrs, {});
    } catch (const Error&) {
      return {};
    }
    if (!fits(dy)) return {};
    return image_op(code, {x, of_type(dy)}, attrs.set(Attr::kernel, kernel));
  }
  const bool forward = code == OpCode::conv2d;
  const Dims shape = forward ? Dims{Dim(out), Dim(channels / groups), Dim(kernel[0]), Dim(kernel[1])}
                             : Dims{Dim(channels), Dim(out / groups), Dim(kernel[0]), Dim(kernel[1])};
  if (!fits({type.dtype, shape})) return {};
  if (!forward) attrs.set(Attr::output_padding, pair(0, 2, 70));
  std::vector<ValueId> operands{x, of_type({type.dtype, shape})};
  if (random_.chance(40)) operands.push_back(of_type({type.dtype, {Dim(out)}}));
  activate(attrs);
  return image_op(code, operands, attrs);
}

Generator::Value Generator::similarity(OpCode code) {
  static constexpr std::int64_t kCounts[] = {2, 3, 4, 6};
  const Dim count = random_.chance(30) && settings_.symbols ? Dim("B", 2) : Dim(random_.pick(kCounts));
  const Type rows{float_dtype(), {count, Dim(random_.between(1, 3))}};
  const Type column{rows.dtype, {count, 1}};
  if (!fits(rows) || !fits({rows.dtype, {count, count}})) return {};
  const ValueId x = of_type(rows);
  Value tiles;
  if (count.is_number() && (code == OpCode::similarity_tiles || random_.chance(20))) {
    tiles = checked(OpCode::similarity_tiles, {x}, {}, ir::similarity_tiles_type(rows, random_.between(1, 3)));
    if (!tiles || code == OpCode::similarity_tiles) return tiles;
  }
  if (code == OpCode::similarity_tiles) return {};
  if (settings_.differentiable) tiles = {};
  const ValueId r = input(column, "positive");
  std::vector<ValueId> operands{x, r};
  if (tiles) operands.push_back(*tiles);
  const ValueId lse = maker_.add(OpCode::similarity_lse, operands);
  if (code == OpCode::similarity_lse) return lse;
  operands = {x, r, lse, of_type(column)};
  if (tiles) operands.push_back(*tiles);
  return maker_.add(code, operands);
}

Generator::Value Generator::pool(OpCode code) {
  const ValueId x = image();
  const Type type = maker_.type(x);
  const std::vector<std::int64_t> kernel = pair(1, 3, 30);
  Attrs attrs;
  attrs.set(Attr::kernel, kernel).set(Attr::stride, random_.chance(40) ? kernel : pair(1, 3, 30));
  attrs.set(Attr::padding,
            std::vector<std::int64_t>{random_.chance(70) ? 0 : kernel[0] / 2, random_.chance(70) ? 0 : kernel[1] / 2});
  if (code == OpCode::max_pool2d || code == OpCode::avg_pool2d) return image_op(code, {x}, attrs);
  Type dy;
  try {
    dy = ir::infer(OpCode::max_pool2d, {type}, attrs, {});
  } catch (const Error&) {
    return {};
  }
  if (code == OpCode::max_pool2d_grad)
    return image_op(code, {x, settings_.differentiable ? input(dy, "dy") : of_type(dy)}, attrs);
  return image_op(code, {of_type(dy)}, attrs, type);
}

Generator::Value Generator::affine(OpCode code) {
  const ValueId x = image();
  const Type type = maker_.type(x);
  const Type six{type.dtype, {type.dims[0], 2, 3}};
  const ValueId theta = settings_.differentiable ? input(six, "theta") : of_type(six);  // none flows into it
  Type other = type;
  for (std::size_t i = 2; i < 4; ++i) other.dims[i] = Dim(random_.pick(settings_.sizes));
  if (!fits(other)) return {};
  if (code == OpCode::affine_sample) return maker_.add(code, {x, theta}, {}, other);
  return maker_.add(code, {theta, x}, {}, other);
}

}  // namespace weft::fuzz
