// Pooling whose windows overlap, are padded or leave a remainder: loops over channels-last images. (Windows that tile
// the image are reductions inside kernels: passes/layout/layout.cpp.)
#pragma once

#include "backends/cpu/program/thunk.h"

namespace weft::cpu {

// The same bits for any number of threads.
std::unique_ptr<Thunk> make_pooling_thunk(const weft_pooling_step& work, int threads);

}  // namespace weft::cpu
