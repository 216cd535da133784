// A tensor of the reference interpreter: every element a double, which holds each dtype's numbers exactly (i32 seeds
// too). What an element may be is decided by `round_to`, bits in memory by `from_bytes` and `to_bytes`.
#pragma once

#include <vector>

#include "ir/type.h"

namespace weft::reference {

struct Tensor {
  ir::Type type;             // static
  std::vector<double> data;  // row-major
};

// All elements `value`.
Tensor filled(const ir::Type& type, double value);

// The number of `dtype` that stands for `value`: floats round to nearest even, overflow to infinity; integers truncate
// towards zero and wrap (what is not finite becomes 0); bool is whether it is not 0.
double round_to(ir::DType dtype, double value);

// Row-major memory of type.bytes() bytes.
Tensor from_bytes(const ir::Type& type, const void* memory);
// Elements are numbers of the dtype (as `run<float>` gives them).
void to_bytes(const Tensor& tensor, void* memory);

}  // namespace weft::reference
