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

// Every elementwise op of ir/ops.def under its name, a number in place of either of two operands: exp(x), lt(x, 0).
#define EXPR_1(name) Expr name(Expr x);
#define EXPR_2(name)           \
  Expr name(Expr a, Expr b);   \
  Expr name(Expr a, double b); \
  Expr name(double a, Expr b);
#define EXPR_3(name) Expr name(Expr a, Expr b, Expr c);
#define ELEMENTWISE(name, arity, ...) EXPR_##arity(name)
#define CONVERSION(...)
#include "ir/ops.def"
#undef EXPR_1
#undef EXPR_2
#undef EXPR_3

inline Expr operator-(Expr x) { return neg(x); }
inline Expr operator+(Expr a, Expr b) { return add(a, b); }
inline Expr operator-(Expr a, Expr b) { return sub(a, b); }
inline Expr operator*(Expr a, Expr b) { return mul(a, b); }
inline Expr operator/(Expr a, Expr b) { return div(a, b); }
inline Expr operator+(Expr a, double b) { return add(a, b); }
inline Expr operator-(Expr a, double b) { return sub(a, b); }
inline Expr operator*(Expr a, double b) { return mul(a, b); }
inline Expr operator/(Expr a, double b) { return div(a, b); }
inline Expr operator+(double a, Expr b) { return add(a, b); }
inline Expr operator-(double a, Expr b) { return sub(a, b); }
inline Expr operator*(double a, Expr b) { return mul(a, b); }
inline Expr operator/(double a, Expr b) { return div(a, b); }

// A cast, and movements; those that change nothing (equal dims, equal dtype, no axes) return x itself.
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
