// Elementary functions as vector polynomials, branch-free except for large arguments of sin and cos. ir/scalar.h finds
// them by argument-dependent lookup. tests/backends/cpu/vector_math_test.cpp measures their accuracy and bounds it.
#pragma once

#include "backends/cpu/codegen/code.h"
#include "ir/scalar.h"

namespace weft::cpu {

#define WEFT_VECTOR(name) Value name(const Value& x);
WEFT_ELEMENTARY_FUNCTIONS(WEFT_VECTOR)
#undef WEFT_VECTOR
Value log1p_of_unit(const Value& x);        // for x in [0, 1], or NaN
Value pow(const Value& a, const Value& b);  // as std::pow, negative bases included

// Philox4x32-10 on vectors, the numbers of runtime/rng.h to the bit. Words are i32 scalars of the rng buffer.
struct RandomState {
  LLVMValueRef seed_low, seed_high, step_low, step_high;
  std::uint32_t stream;
};
// Several vectors of elements (i32) advance together.
std::vector<Value> random_uniform(const RandomState& state, const std::vector<Value>& elements);
std::vector<Value> random_normal(const RandomState& state, const std::vector<Value>& elements);

}  // namespace weft::cpu
