// One case per op, written as mathematics: dy is the gradient of the result y. Formulas use y instead of the operands
// where possible, so that fewer values stay alive until the backward pass.
#include "passes/differentiate/gradients.h"

#include <cmath>
#include <numbers>

#include "ir/error.h"
#include "ir/layout.h"

namespace weft::passes {

using ir::Attr;
using ir::Attrs;
using ir::Dims;
using ir::Op;
using ir::OpCode;
using ir::Type;

namespace {

using Gradients = std::vector<Expr>;
const Expr kNoGradient{};

[[noreturn]] void fail_at(const Op& op, const char* what) {
  const std::string place = to_string(op.location);
  fail("{}{}[{}] {}", place, place.empty() ? "" : ": ", name(op.code), what);
}

Expr where(Expr condition, Expr a) { return select(condition, a, scalar_like(a, 0)); }
Expr where_not(Expr condition, Expr a) { return select(condition, scalar_like(a, 0), a); }

// a^b has an infinite slope at a = 0 for b < 1: there the gradient is 0, as for sqrt.
Gradients pow_gradients(Expr a, Expr b, Expr y, Expr dy) {
  return {where_not(logical_and(eq(a, 0), lt(b, 1)), dy * b * pow(a, b - 1)), where_not(eq(a, 0), dy * y * log(a))};
}

// Equal maxima share the gradient equally.
Expr reduce_max_gradient(Expr x, Expr y, Expr dy, const Attrs& attrs) {
  const Expr is_max = cast(eq(x, y), x.dtype());
  return is_max * (dy / reduce_sum(is_max, attrs.integers(Attr::axes)));
}

// Contractions

// For op(a) op(b), where op may transpose. The caller sums the gradient of the bias over rows.
Gradients matmul_gradients(Expr a, Expr b, Expr dy, const Attrs& attrs) {
  const bool ta = attrs.integer(Attr::transpose_a) != 0, tb = attrs.integer(Attr::transpose_b) != 0;
  const Expr narrow = cast(dy, a.dtype());
  return {ta ? matmul(b, narrow, tb, true) : matmul(narrow, b, false, !tb),
          tb ? matmul(narrow, a, true, ta) : matmul(a, narrow, !ta, false), dy};
}

// The attributes that the three convolution ops share.
Attrs convolution_attrs(const Attrs& attrs) {
  Attrs shared;
  for (const Attr key : {Attr::stride, Attr::padding, Attr::dilation, Attr::groups})
    if (attrs.has(key)) shared.set(key, attrs.values().at(key));
  return shared;
}

Expr conv2d(Expr x, Expr w, const Attrs& shared) { return apply(OpCode::conv2d, {x, w}, shared); }

// Chooses the output padding that leads back to `dims`: the convolution may not have read the last rows.
Expr conv_transpose2d(Expr y, Expr w, Attrs shared, const Dims& dims) {
  const Dims kernel = w.dims();
  std::vector<std::int64_t> output_padding;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t reach = shared.integers(Attr::dilation)[axis] * (number(kernel[2 + axis]) - 1) + 1;
    const std::int64_t padded = number(dims[2 + axis]) + 2 * shared.integers(Attr::padding)[axis];
    output_padding.push_back((padded - reach) % shared.integers(Attr::stride)[axis]);
  }
  return apply(OpCode::conv_transpose2d, {y, w}, shared.set(Attr::output_padding, output_padding));
}

Expr conv2d_weight_grad(Expr x, Expr dy, Attrs shared, const Dims& kernel) {
  const std::vector<std::int64_t> pair{number(kernel[2]), number(kernel[3])};
  return apply(OpCode::conv2d_weight_grad, {x, dy}, shared.set(Attr::kernel, pair));
}

Expr channel_sum(Expr dy) { return reshape(reduce_sum(dy, {0, 2, 3}), {dy.dims()[1]}); }

Gradients conv2d_gradients(Expr x, Expr w, Expr dy, const Attrs& attrs) {
  const Attrs shared = convolution_attrs(attrs);
  return {conv_transpose2d(dy, w, shared, x.dims()), conv2d_weight_grad(x, dy, shared, w.dims()), channel_sum(dy)};
}

// Output padding beyond the stride adds rows that no input reaches: slice them from dx, and pad x with zeros there.
Gradients conv_transpose2d_gradients(Expr x, Expr w, Expr dy, const Attrs& attrs) {
  const Attrs shared = convolution_attrs(attrs);
  const Dims origin(4, 0);
  const Expr dx = conv2d(dy, w, shared);
  return {slice(dx, origin, x.dims()), conv2d_weight_grad(dy, pad(x, origin, dx.dims()), shared, w.dims()),
          channel_sum(dy)};
}

Gradients conv2d_weight_grad_gradients(Expr x, Expr dy, Expr ddw, const Attrs& attrs) {
  const Attrs shared = convolution_attrs(attrs);
  return {conv_transpose2d(dy, ddw, shared, x.dims()), conv2d(x, ddw, shared)};
}

// With z = r x: dx = r dz, and dr = x.dz of each row.
Gradients similarity_lse_gradients(Expr x, Expr r, Expr y, Expr dy) {
  const Expr dx = apply(OpCode::similarity_lse_grad, {x, r, y, dy});
  return {dx, reduce_sum(x * dx, {1}) / r};
}

// Movement

Expr inverse_transpose(Expr dy, const std::vector<std::int64_t>& perm) {
  std::vector<std::int64_t> inverse(perm.size());
  for (std::size_t i = 0; i < perm.size(); ++i) inverse[std::size_t(perm[i])] = std::int64_t(i);
  return transpose(dy, std::move(inverse));
}

Gradients concat_gradients(const std::vector<Expr>& parts, Expr dy, std::size_t axis) {
  Gradients result;
  Dims start(dy.rank(), 0);
  for (const Expr& part : parts) {
    result.push_back(slice(dy, start, part.dims()));
    const std::optional<ir::Dim> next = add(start[axis], part.dims()[axis]);
    check(next.has_value(), "the dims of a concat's parts must add up");
    start[axis] = *next;
  }
  return result;
}

Gradients pack_gradients(const std::vector<Expr>& parts, Expr dy, const std::vector<std::int64_t>& offsets) {
  Gradients result;
  for (std::size_t i = 0; i < parts.size(); ++i) result.push_back(view(dy, offsets[i], parts[i].type()));
  return result;
}

}  // namespace

std::vector<Expr> gradients(const Backward& backward) {
  const Op& op = backward.op;
  const Attrs& attrs = op.attrs;
  const std::vector<Expr>& x = backward.operands;
  const Expr a = !x.empty() ? x[0] : kNoGradient, b = x.size() > 1 ? x[1] : kNoGradient;
  const Expr y = backward.result, dy = backward.gradient;
  if (ir::has_layout(op.code) && ir::is_nhwc(attrs))
    fail_at(op, "has no gradient rule for images in nhwc: run `differentiate` before `layout`");
  switch (op.code) {
    // Sources, booleans and step functions: constant wherever they have a derivative.
    case OpCode::constant:
    case OpCode::iota:
    case OpCode::dim_size:
    case OpCode::random_uniform:
    case OpCode::random_normal:
    case OpCode::stop_gradient:
    case OpCode::sign:
    case OpCode::floor:
    case OpCode::logical_not:
    case OpCode::logical_and:
    case OpCode::logical_or:
    case OpCode::eq:
    case OpCode::ne:
    case OpCode::lt:
    case OpCode::le:
    case OpCode::gt:
    case OpCode::ge:
      return Gradients(x.size());

    case OpCode::neg:
      return {-dy};
    case OpCode::abs:
      return {dy * sign(a)};
    case OpCode::exp:
      return {dy * y};
    case OpCode::expm1:
      return {dy * (y + 1)};
    case OpCode::log:
      return {dy / a};
    case OpCode::log1p:
      return {dy / (a + 1)};
    case OpCode::sqrt:  // 0 at 0, where the slope is infinite: |x| of a zero vector must not produce NaN
      return {where_not(eq(y, 0), dy * 0.5 / y)};
    case OpCode::rsqrt:
      return {dy * -0.5 * y * y * y};
    case OpCode::sin:
      return {dy * cos(a)};
    case OpCode::cos:
      return {-(dy * sin(a))};
    case OpCode::atan:
      return {dy / (a * a + 1)};
    case OpCode::tanh:
      return {dy * (1 - y * y)};
    case OpCode::sigmoid:
      return {dy * y * (1 - y)};
    case OpCode::softplus:
      return {dy * sigmoid(a)};
    case OpCode::erf:
      return {dy * (2 * std::numbers::inv_sqrtpi) * exp(-(a * a))};
    case OpCode::relu:
      return {where(gt(y, 0), dy)};
    case OpCode::cast:
      return {is_float(a.dtype()) ? cast(dy, a.dtype()) : kNoGradient};

    case OpCode::add:
      return {dy, dy};
    case OpCode::sub:
      return {dy, -dy};
    case OpCode::mul:
      return {dy * b, dy * a};
    case OpCode::div:
      return {dy / b, -(dy * y / b)};
    case OpCode::pow:
      return pow_gradients(a, b, y, dy);
    case OpCode::max:
      return {where(gt(a, b), dy), where_not(gt(a, b), dy)};
    case OpCode::min:
      return {where(lt(a, b), dy), where_not(lt(a, b), dy)};
    case OpCode::select:
      return {kNoGradient, where(a, dy), where_not(a, dy)};

    case OpCode::reduce_sum:
      return {broadcast(dy, a.dims())};
    case OpCode::reduce_max:
      return {reduce_max_gradient(a, y, dy, attrs)};

    case OpCode::matmul:
      return matmul_gradients(a, b, dy, attrs);
    case OpCode::conv2d:
      return conv2d_gradients(a, b, dy, attrs);
    case OpCode::conv_transpose2d:
      return conv_transpose2d_gradients(a, b, dy, attrs);
    case OpCode::conv2d_weight_grad:
      return conv2d_weight_grad_gradients(a, b, dy, attrs);
    case OpCode::similarity_lse:
      if (op.operands.size() > 2)
        fail_at(op, "with stored tiles has no gradient rule: run `differentiate` before `similarities`");
      return similarity_lse_gradients(a, b, y, dy);
    case OpCode::similarity_lse_grad:
      fail_at(op, "has no gradient: Weft cannot differentiate similarity_lse twice");
    case OpCode::similarity_tiles:
      fail_at(op, "has no gradient rule: run `differentiate` before `similarities`");

    case OpCode::max_pool2d:
      return {apply(OpCode::max_pool2d_grad, {a, dy}, attrs)};
    case OpCode::avg_pool2d:
      return {apply(OpCode::avg_pool2d_grad, {dy}, attrs, a.type())};
    case OpCode::avg_pool2d_grad:
      return {apply(OpCode::avg_pool2d, {dy}, attrs)};
    case OpCode::max_pool2d_grad:
      if (backward.wanted[1]) fail_at(op, "has no gradient: Weft cannot differentiate max_pool2d twice");
      return {kNoGradient, kNoGradient};

    case OpCode::broadcast:
      return {dy};
    case OpCode::reshape:
      return {reshape(dy, a.dims())};
    case OpCode::transpose:
      return {inverse_transpose(dy, attrs.integers(Attr::perm))};
    case OpCode::slice:
      return {pad(dy, attrs.dims(Attr::start), a.dims())};
    case OpCode::pad:
      return {slice(dy, attrs.dims(Attr::start), a.dims())};
    case OpCode::concat:
      return concat_gradients(x, dy, std::size_t(attrs.integer(Attr::axis)));
    case OpCode::gather:
      return {apply(OpCode::scatter_add, {b, dy}, {}, a.type()), kNoGradient};
    case OpCode::scatter_add:
      return {kNoGradient, apply(OpCode::gather, {dy, a})};
    case OpCode::pack:
      return pack_gradients(x, dy, attrs.integers(Attr::offsets));
    case OpCode::view:
      return {pack({dy}, {attrs.integer(Attr::offset)}, number(a.dims()[0]))};
    case OpCode::affine_sample:
      if (backward.wanted[1])
        fail_at(op, "has no gradient with respect to theta; wrap the inputs of theta in stop_gradient");
      return {apply(OpCode::affine_sample_grad, {b, dy}, {}, a.type()), kNoGradient};
    case OpCode::affine_sample_grad:
      if (backward.wanted[0])
        fail_at(op, "has no gradient with respect to theta; wrap the inputs of theta in stop_gradient");
      return {kNoGradient, apply(OpCode::affine_sample, {dy, a}, {}, b.type())};

    case OpCode::fused:
      fail_at(op, "a fused op has no gradient rule: run `differentiate` before `fuse`");
  }
  throw InternalError("gradients: no such op");
}

}  // namespace weft::passes
