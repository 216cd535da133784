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

Expr operator+(Expr a, Expr b) { return apply(OpCode::add, {a, b}); }
Expr operator-(Expr a, Expr b) { return apply(OpCode::sub, {a, b}); }
Expr operator*(Expr a, Expr b) { return apply(OpCode::mul, {a, b}); }
Expr operator/(Expr a, Expr b) { return apply(OpCode::div, {a, b}); }
Expr operator-(Expr x) { return apply(OpCode::neg, {x}); }
Expr operator+(Expr a, double b) { return a + scalar_like(a, b); }
Expr operator-(Expr a, double b) { return a - scalar_like(a, b); }
Expr operator*(Expr a, double b) { return a * scalar_like(a, b); }
Expr operator/(Expr a, double b) { return a / scalar_like(a, b); }
Expr operator+(double a, Expr b) { return scalar_like(b, a) + b; }
Expr operator-(double a, Expr b) { return scalar_like(b, a) - b; }
Expr operator*(double a, Expr b) { return scalar_like(b, a) * b; }
Expr operator/(double a, Expr b) { return scalar_like(b, a) / b; }

Expr lt(Expr a, Expr b) { return apply(OpCode::lt, {a, b}); }
Expr le(Expr a, Expr b) { return apply(OpCode::le, {a, b}); }
Expr gt(Expr a, Expr b) { return apply(OpCode::gt, {a, b}); }
Expr ge(Expr a, Expr b) { return apply(OpCode::ge, {a, b}); }
Expr eq(Expr a, Expr b) { return apply(OpCode::eq, {a, b}); }
Expr ne(Expr a, Expr b) { return apply(OpCode::ne, {a, b}); }
Expr lt(Expr a, double b) { return lt(a, scalar_like(a, b)); }
Expr le(Expr a, double b) { return le(a, scalar_like(a, b)); }
Expr gt(Expr a, double b) { return gt(a, scalar_like(a, b)); }
Expr ge(Expr a, double b) { return ge(a, scalar_like(a, b)); }
Expr eq(Expr a, double b) { return eq(a, scalar_like(a, b)); }
Expr ne(Expr a, double b) { return ne(a, scalar_like(a, b)); }
Expr logical_and(Expr a, Expr b) { return apply(OpCode::logical_and, {a, b}); }
Expr logical_or(Expr a, Expr b) { return apply(OpCode::logical_or, {a, b}); }
Expr logical_not(Expr a) { return apply(OpCode::logical_not, {a}); }
Expr select(Expr condition, Expr a, Expr b) { return apply(OpCode::select, {condition, a, b}); }

Expr max(Expr a, Expr b) { return apply(OpCode::max, {a, b}); }
Expr min(Expr a, Expr b) { return apply(OpCode::min, {a, b}); }
Expr max(Expr a, double b) { return max(a, scalar_like(a, b)); }
Expr min(Expr a, double b) { return min(a, scalar_like(a, b)); }
Expr pow(Expr a, Expr b) { return apply(OpCode::pow, {a, b}); }
Expr pow(Expr a, double b) { return pow(a, scalar_like(a, b)); }
Expr pow(double a, Expr b) { return pow(scalar_like(b, a), b); }

Expr abs(Expr x) { return apply(OpCode::abs, {x}); }
Expr sign(Expr x) { return apply(OpCode::sign, {x}); }
Expr floor(Expr x) { return apply(OpCode::floor, {x}); }
Expr exp(Expr x) { return apply(OpCode::exp, {x}); }
Expr expm1(Expr x) { return apply(OpCode::expm1, {x}); }
Expr log(Expr x) { return apply(OpCode::log, {x}); }
Expr log1p(Expr x) { return apply(OpCode::log1p, {x}); }
Expr sqrt(Expr x) { return apply(OpCode::sqrt, {x}); }
Expr rsqrt(Expr x) { return apply(OpCode::rsqrt, {x}); }
Expr sin(Expr x) { return apply(OpCode::sin, {x}); }
Expr cos(Expr x) { return apply(OpCode::cos, {x}); }
Expr tanh(Expr x) { return apply(OpCode::tanh, {x}); }
Expr sigmoid(Expr x) { return apply(OpCode::sigmoid, {x}); }
Expr softplus(Expr x) { return apply(OpCode::softplus, {x}); }
Expr erf(Expr x) { return apply(OpCode::erf, {x}); }
Expr relu(Expr x) { return apply(OpCode::relu, {x}); }
Expr stop_gradient(Expr x) { return apply(OpCode::stop_gradient, {x}); }

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
