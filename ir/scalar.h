// The definition of every elementwise op, written once as a template over the number type N: double for folding, float
// for the reference, LLVM values and CUDA text for the code generators.
//
// N needs: construction from double; + - * / and unary -; and, found by argument-dependent lookup or in
// weft::ir::scalar for float and double: the elementary functions below, abs, pow, lt(a,b) eq(a,b) (false where either
// is NaN), both(a,b) either(a,b) negate(a) on truth values, choose(c,a,b). Truth values are N as well.
//
// A function that is a template here is a formula that code generators need not know: float and double have it from
// <cmath>, and any other N by fma(a,b,c), copysign(a,b) and once(a), which is a, computed once however often the
// formula reads it.
#pragma once

#include <cmath>
#include <initializer_list>

#include "ir/error.h"
#include "ir/op.h"

namespace weft::ir {

// The elementary functions of one number that each N has of its own.
#define WEFT_ELEMENTARY_FUNCTIONS(F) F(floor) F(exp) F(expm1) F(log) F(log1p) F(sqrt) F(sin) F(cos) F(tanh) F(erf)

namespace scalar {
#define WEFT_USING(name) using std::name;
WEFT_ELEMENTARY_FUNCTIONS(WEFT_USING)
#undef WEFT_USING
using std::abs, std::atan, std::pow;
inline float lt(float a, float b) { return a < b ? 1.0f : 0.0f; }
inline double lt(double a, double b) { return a < b ? 1.0 : 0.0; }
inline float eq(float a, float b) { return a == b ? 1.0f : 0.0f; }
inline double eq(double a, double b) { return a == b ? 1.0 : 0.0; }
inline float both(float a, float b) { return a != 0 && b != 0 ? 1.0f : 0.0f; }
inline double both(double a, double b) { return a != 0 && b != 0 ? 1.0 : 0.0; }
inline float either(float a, float b) { return a != 0 || b != 0 ? 1.0f : 0.0f; }
inline double either(double a, double b) { return a != 0 || b != 0 ? 1.0 : 0.0; }
inline float negate(float a) { return a == 0 ? 1.0f : 0.0f; }
inline double negate(double a) { return a == 0 ? 1.0 : 0.0; }
inline float choose(float c, float a, float b) { return c != 0 ? a : b; }
inline double choose(double c, double a, double b) { return c != 0 ? a : b; }

template <typename N>
N once(const N& x) {
  return x;
}

// Horner's rule; coefficients go from the highest degree down.
template <typename N>
N polynomial(const N& x, std::initializer_list<double> coefficients) {
  auto each = coefficients.begin();
  N result = fma(x, N(*each), N(*(each + 1)));
  for (each += 2; each != coefficients.end(); ++each) result = fma(result, x, N(*each));
  return result;
}

// A minimax fit on [0, 1], and pi/2 less that of 1/x beyond; pi/2 is a product of two floats. At most 1.5 ulp.
template <typename N>
N atan(const N& x) {
  const N t = once(abs(x));
  const N is_beyond = once(lt(N(1.0), t));
  const N r = once(choose(is_beyond, N(1.0) / t, t));
  const N s = once(r * r);
  const N p = polynomial(s, {2.92069116e-3, -1.63679235e-2, 4.32118513e-2, -7.55221322e-2, 1.06660038e-1,
                             -1.42110556e-1, 1.99937731e-1, -3.33331525e-1});
  const N near = once(fma(p * s, r, r));
  return copysign(choose(is_beyond, fma(N(0.9331894516944885), N(1.6832555532455444), -near), near), x);
}
}  // namespace scalar

// `x` holds the operands. `cast` and `stop_gradient` are the identity here: the caller rounds to another dtype.
template <typename N>
N apply_scalar(OpCode code, const N* x) {
  using namespace scalar;
  switch (code) {
    case OpCode::neg:
      return -x[0];
    case OpCode::abs:
      return abs(x[0]);
    case OpCode::sign:
      return choose(lt(N(0.0), x[0]), N(1.0), choose(lt(x[0], N(0.0)), N(-1.0), x[0]));
    case OpCode::floor:
      return floor(x[0]);
    case OpCode::exp:
      return exp(x[0]);
    case OpCode::expm1:
      return expm1(x[0]);
    case OpCode::log:
      return log(x[0]);
    case OpCode::log1p:
      return log1p(x[0]);
    case OpCode::sqrt:
      return sqrt(x[0]);
    case OpCode::rsqrt:
      return N(1.0) / sqrt(x[0]);
    case OpCode::sin:
      return sin(x[0]);
    case OpCode::cos:
      return cos(x[0]);
    case OpCode::atan:
      return atan(x[0]);
    case OpCode::tanh:
      return tanh(x[0]);
    case OpCode::sigmoid:
      return N(1.0) / (N(1.0) + exp(-x[0]));
    case OpCode::softplus:
      return choose(lt(x[0], N(0.0)), N(0.0), x[0]) + log1p(exp(-abs(x[0])));
    case OpCode::erf:
      return erf(x[0]);
    case OpCode::relu:
      return choose(lt(x[0], N(0.0)), N(0.0), x[0]);
    case OpCode::logical_not:
      return negate(x[0]);
    case OpCode::cast:
      return x[0];
    case OpCode::stop_gradient:
      return x[0];
    case OpCode::add:
      return x[0] + x[1];
    case OpCode::sub:
      return x[0] - x[1];
    case OpCode::mul:
      return x[0] * x[1];
    case OpCode::div:
      return x[0] / x[1];
    case OpCode::pow:
      return pow(x[0], x[1]);
    case OpCode::max:
      return choose(either(lt(x[1], x[0]), negate(eq(x[0], x[0]))), x[0], x[1]);
    case OpCode::min:
      return choose(either(lt(x[0], x[1]), negate(eq(x[0], x[0]))), x[0], x[1]);
    case OpCode::eq:
      return eq(x[0], x[1]);
    case OpCode::ne:
      return negate(eq(x[0], x[1]));
    case OpCode::lt:
      return lt(x[0], x[1]);
    case OpCode::le:
      return either(lt(x[0], x[1]), eq(x[0], x[1]));
    case OpCode::gt:
      return lt(x[1], x[0]);
    case OpCode::ge:
      return either(lt(x[1], x[0]), eq(x[0], x[1]));
    case OpCode::logical_and:
      return both(x[0], x[1]);
    case OpCode::logical_or:
      return either(x[0], x[1]);
    case OpCode::select:
      return choose(x[0], x[1], x[2]);
#define OP(name, ...) case OpCode::name:
#include "ir/ops.def"
      break;
  }
  throw InternalError("apply_scalar: not an elementwise op");
}

}  // namespace weft::ir
