#include "passes/expr.h"

#include <algorithm>
#include <numeric>

#include "ir/error.h"

namespace weft::passes {

using ir::Attr;
using ir::Attrs;
using ir::Builder;
using ir::Dims;
using ir::OpCode;
using ir::Type;

Expr apply(OpCode code, const std::vector<Expr>& operands, Attrs attrs, std::optional<Type> type) {
  check(!operands.empty(), "apply: an op without operands needs a builder");
  std::vector<ir::ValueId> ids;
  for (const Expr& operand : operands) ids.push_back(operand.id);
  Builder* builder = operands.front().builder;
  return {builder, builder->create(code, std::move(ids), std::move(attrs), std::move(type))};
}

Expr full(Builder& builder, double value, Type type) { return {&builder, builder.constant(value, std::move(type))}; }
Expr full_like(Expr x, double value) { return full(*x.builder, value, x.type()); }
Expr scalar_like(Expr x, double value) { return full(*x.builder, value, {x.dtype(), {}}); }

Expr dim_size(Builder& builder, const ir::Dim& dim, ir::DType dtype) {
  if (dim.is_number()) return full(builder, double(dim.factor), {dtype, {}});
  return {&builder, builder.create(OpCode::dim_size, {}, Attrs().set(Attr::dim, Dims{dim}), Type{dtype, {}})};
}

Expr element_count(Builder& builder, const Dims& dims, ir::DType dtype) {
  double number = 1;
  std::vector<Expr> sizes;
  for (const ir::Dim& dim : dims) {
    if (dim.is_number())
      number *= double(dim.factor);
    else
      sizes.push_back(dim_size(builder, dim, dtype));
  }
  Expr count = full(builder, number, {dtype, {}});
  for (std::size_t i = 0; i < sizes.size(); ++i) count = i == 0 && number == 1 ? sizes[i] : count * sizes[i];
  return count;
}

#define EXPR_1(name) \
  Expr name(Expr x) { return apply(OpCode::name, {x}); }
#define EXPR_2(name)                                                 \
  Expr name(Expr a, Expr b) { return apply(OpCode::name, {a, b}); }  \
  Expr name(Expr a, double b) { return name(a, scalar_like(a, b)); } \
  Expr name(double a, Expr b) { return name(scalar_like(b, a), b); }
#define EXPR_3(name) \
  Expr name(Expr a, Expr b, Expr c) { return apply(OpCode::name, {a, b, c}); }
#define ELEMENTWISE(name, arity, ...) EXPR_##arity(name)
#define CONVERSION(...)
#include "ir/ops.def"
#undef EXPR_1
#undef EXPR_2
#undef EXPR_3

Expr cast(Expr x, ir::DType dtype) {
  return x.dtype() == dtype ? x : apply(OpCode::cast, {x}, {}, Type{dtype, x.dims()});
}
Expr broadcast(Expr x, const Dims& dims) {
  return x.dims() == dims ? x : apply(OpCode::broadcast, {x}, {}, Type{x.dtype(), dims});
}
Expr reshape(Expr x, const Dims& dims) {
  return x.dims() == dims ? x : apply(OpCode::reshape, {x}, {}, Type{x.dtype(), dims});
}
bool is_single(const ir::Dims& dims) {
  return std::all_of(dims.begin(), dims.end(), [](const ir::Dim& dim) { return dim.is_one(); });
}

bool keeps_order(const ir::Dims& dims, const std::vector<std::int64_t>& perm) {
  std::int64_t last = -1;
  for (const std::int64_t axis : perm) {
    if (dims[std::size_t(axis)].is_one()) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

Expr transpose(Expr x, std::vector<std::int64_t> perm) {
  return perm == all_axes(x.rank()) ? x : apply(OpCode::transpose, {x}, Attrs().set(Attr::perm, std::move(perm)));
}
Expr slice(Expr x, const Dims& start, const Dims& dims) {
  return x.dims() == dims ? x : apply(OpCode::slice, {x}, Attrs().set(Attr::start, start), Type{x.dtype(), dims});
}
Expr pad(Expr x, const Dims& start, const Dims& dims) {
  return x.dims() == dims ? x : apply(OpCode::pad, {x}, Attrs().set(Attr::start, start), Type{x.dtype(), dims});
}
Expr concat(const std::vector<Expr>& parts, std::int64_t axis) {
  return parts.size() == 1 ? parts.front() : apply(OpCode::concat, parts, Attrs().set(Attr::axis, axis));
}
Expr reduce_sum(Expr x, std::vector<std::int64_t> axes) {
  return axes.empty() ? x : apply(OpCode::reduce_sum, {x}, Attrs().set(Attr::axes, std::move(axes)));
}
Expr reduce_max(Expr x, std::vector<std::int64_t> axes) {
  return axes.empty() ? x : apply(OpCode::reduce_max, {x}, Attrs().set(Attr::axes, std::move(axes)));
}
Expr sum_all(Expr x) { return reshape(reduce_sum(x, all_axes(x.rank())), {}); }

Expr sum_to(Expr x, const Dims& dims) {
  const Dims from = x.dims();
  check(from.size() >= dims.size(), "sum_to: the target must not have more dims");
  const std::size_t lead = from.size() - dims.size();
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < from.size(); ++i)
    if (i < lead || (dims[i - lead].is_one() && !from[i].is_one())) axes.push_back(std::int64_t(i));
  return reshape(reduce_sum(x, std::move(axes)), dims);
}

Expr iota(Builder& builder, Type type, std::int64_t axis) {
  return {&builder, builder.create(OpCode::iota, {}, Attrs().set(Attr::axis, axis), std::move(type))};
}
Expr view(Expr flat, std::int64_t offset, Type type) {
  return apply(OpCode::view, {flat}, Attrs().set(Attr::offset, offset), std::move(type));
}
Expr pack(const std::vector<Expr>& parts, std::vector<std::int64_t> offsets, std::int64_t size) {
  const ir::DType dtype = parts.front().dtype();
  return apply(OpCode::pack, parts, Attrs().set(Attr::offsets, std::move(offsets)), Type{dtype, {size}});
}

Expr matmul(Expr a, Expr b, bool transpose_a, bool transpose_b) {
  Attrs attrs;
  attrs.set(Attr::transpose_a, std::int64_t(transpose_a)).set(Attr::transpose_b, std::int64_t(transpose_b));
  return apply(OpCode::matmul, {a, b}, std::move(attrs));
}

Expr roll_half(Expr x) {
  const ir::Dim rows = x.dims()[0];
  check(rows.factor % 2 == 0, "half_turn: the number of rows must be even");
  ir::Dim half_rows = rows;
  half_rows.factor /= 2;
  const Expr i = iota(*x.builder, ir::i32({rows}), 0), half = dim_size(*x.builder, half_rows, ir::DType::i32);
  return apply(OpCode::gather, {x, select(lt(i, half), i + half, i - half)});
}

std::vector<std::int64_t> all_axes(std::size_t rank) {
  std::vector<std::int64_t> axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

}  // namespace weft::passes
