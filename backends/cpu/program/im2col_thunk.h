// Convolutions without oneDNN: im2col and a generated matmul (runtime/artefact/im2col.c).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "backends/cpu/matmul.h"
#include "backends/cpu/program/thunk.h"

namespace weft::cpu {

// Weights are row-major. `kernel` is the index of the matmul among the program's kernels.
Im2colStep columns_of(const Convolution& convolution, int kernel);
// The matmul of the step's kernel.
Matmul matmul_of(const Im2colStep& work, const std::string& name);

std::unique_ptr<Thunk> make_im2col_thunk(const Im2colStep& work, const CompiledKernel& kernel, int threads);

}  // namespace weft::cpu
