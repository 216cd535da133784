// Convolutions without the library: generated products with the columns of windows (runtime/artefact/columns.c).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "backends/cpu/matmul.h"
#include "backends/cpu/program/thunk.h"

namespace weft::cpu {

// Weights lie row-major. `kernel` is the product's place among the program's kernels.
Im2colStep columns_of(const Convolution& convolution, int kernel);
// What the work's kernel computes.
Matmul matmul_of(const Im2colStep& work, const std::string& name);

std::unique_ptr<Thunk> make_im2col_thunk(const Im2colStep& work, const CompiledKernel& kernel, int threads);

}  // namespace weft::cpu
