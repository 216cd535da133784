// The loops of a kernel: their order, the lane dim, and which neighbours merge.
#pragma once

#include "ir/kernel/kernel.h"

namespace weft::kernel {

// Expects one dim per dim of the iteration space, in its order, including those of size 1. Drops these, puts outer dims
// before row dims and each group in memory order, picks `lane`, numbers the accumulators of final reductions, and
// merges neighbours where every map allows it.
void arrange_loops(Kernel& kernel);

}  // namespace weft::kernel
