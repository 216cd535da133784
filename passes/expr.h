// Values of a builder with operators, so that rules, gradients and optimizers read as formulas.
//
// An Expr is a handle: a builder and a value in it. Numbers become scalar constants of the other operand's dtype.
// Shapes follow numpy broadcasting; types are checked by the builder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/builder.h"

namespace weft::passes {

struct Expr {
  ir::Builder* builder = nullptr;
  ir::ValueId id = ir::kNone;

  // By value: adding an op would invalidate a reference.
  ir::Type type() const { return builder->type(id); }
  ir::Dims dims() const { return builder->type(id).dims; }
  ir::DType dtype() const { return builder->type(id).dtype; }
  std::size_t rank() const { return builder->type(id).rank(); }
};

// Any op by its code; the functions below name the common ones.
Expr apply(ir::OpCode code, const std::vector<Expr>& operands, ir::Attrs attrs = {}, std::optional<ir::Type> type = {});

// Constants filled with `value`: of a type, or of the type of another value.
Expr full(ir::Builder& builder, double value, ir::Type type = {});
Expr full_like(Expr x, double value);
// A scalar constant of x's dtype.
Expr scalar_like(Expr x, double value);
// The number of elements under `dims` as a scalar of `dtype`: a constant, times a dim_size for each symbol.
Expr element_count(ir::Builder& builder, const ir::Dims& dims, ir::DType dtype = ir::DType::f32);
Expr dim_size(ir::Builder& builder, const ir::Dim& dim, ir::DType dtype = ir::DType::f32);

Expr operator+(Expr a, Expr b);
Expr operator-(Expr a, Expr b);
Expr operator*(Expr a, Expr b);
Expr operator/(Expr a, Expr b);
Expr operator-(Expr x);
Expr operator+(Expr a, double b);
Expr operator-(Expr a, double b);
Expr operator*(Expr a, double b);
Expr operator/(Expr a, double b);
Expr operator+(double a, Expr b);
Expr operator-(double a, Expr b);
Expr operator*(double a, Expr b);
Expr operator/(double a, Expr b);

// Comparisons give bools; numbers are on the right.
Expr lt(Expr a, Expr b);
Expr le(Expr a, Expr b);
Expr gt(Expr a, Expr b);
Expr ge(Expr a, Expr b);
Expr eq(Expr a, Expr b);
Expr ne(Expr a, Expr b);
Expr lt(Expr a, double b);
Expr le(Expr a, double b);
Expr gt(Expr a, double b);
Expr ge(Expr a, double b);
Expr eq(Expr a, double b);
Expr ne(Expr a, double b);
Expr logical_and(Expr a, Expr b);
Expr logical_or(Expr a, Expr b);
Expr logical_not(Expr a);
Expr select(Expr condition, Expr a, Expr b);

Expr max(Expr a, Expr b);
Expr min(Expr a, Expr b);
Expr max(Expr a, double b);
Expr min(Expr a, double b);
Expr pow(Expr a, Expr b);
Expr pow(Expr a, double b);
Expr pow(double a, Expr b);

Expr abs(Expr x);
Expr sign(Expr x);
Expr floor(Expr x);
Expr exp(Expr x);
Expr expm1(Expr x);
Expr log(Expr x);
Expr log1p(Expr x);
Expr sqrt(Expr x);
Expr rsqrt(Expr x);
Expr sin(Expr x);
Expr cos(Expr x);
Expr tanh(Expr x);
Expr sigmoid(Expr x);
Expr softplus(Expr x);
Expr erf(Expr x);
Expr relu(Expr x);
Expr stop_gradient(Expr x);

// Movements that change nothing (equal dims, equal dtype, no axes) return x itself.
Expr cast(Expr x, ir::DType dtype);
Expr broadcast(Expr x, const ir::Dims& dims);
Expr reshape(Expr x, const ir::Dims& dims);
Expr transpose(Expr x, std::vector<std::int64_t> perm);
Expr slice(Expr x, const ir::Dims& start, const ir::Dims& dims);
Expr pad(Expr x, const ir::Dims& start, const ir::Dims& dims);
Expr concat(const std::vector<Expr>& parts, std::int64_t axis);
Expr reduce_sum(Expr x, std::vector<std::int64_t> axes);
Expr reduce_max(Expr x, std::vector<std::int64_t> axes);
Expr sum_all(Expr x);  // over every axis, as a scalar f32[]
// Sums x from a broadcast's result back to `dims`: the gradient of numpy broadcasting.
Expr sum_to(Expr x, const ir::Dims& dims);
Expr iota(ir::Builder& builder, ir::Type type, std::int64_t axis);
Expr view(Expr flat, std::int64_t offset, ir::Type type);
Expr pack(const std::vector<Expr>& parts, std::vector<std::int64_t> offsets, std::int64_t size);

Expr matmul(Expr a, Expr b, bool transpose_a = false, bool transpose_b = false);

// Replaces row i by row i + n/2 mod n of x [n,..]; n is even.
Expr roll_half(Expr x);

// Whether values of these dims hold one element.
bool is_single(const ir::Dims& dims);
// Whether a transpose keeps the order of elements and so is a reshape: dims other than 1 keep their order.
bool keeps_order(const ir::Dims& dims, const std::vector<std::int64_t>& perm);
// All axes of a rank: 0 .. rank-1.
std::vector<std::int64_t> all_axes(std::size_t rank);

}  // namespace weft::passes
