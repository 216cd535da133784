// A tensor of the reference interpreter: every element is a double, which holds each dtype's numbers exactly (i32 seeds
// too). `round_to` decides an element's value; `from_bytes` and `to_bytes` convert to bits in memory.
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

// Rounds `value` to `dtype`: floats to nearest even, overflowing to infinity; integers truncate towards zero and wrap
// (non-finite values become 0); bool is whether it is not 0.
double round_to(ir::DType dtype, double value);

// Row-major memory of type.bytes() bytes.
Tensor from_bytes(const ir::Type& type, const void* memory);
// Elements must be numbers of the dtype (as `run<float>` gives them).
void to_bytes(const Tensor& tensor, void* memory);

}  // namespace weft::reference
