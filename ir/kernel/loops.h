// The loops of a kernel: which order they run in, which one lies across lanes, which neighbours become one.
#pragma once

#include "ir/kernel/kernel.h"

namespace weft::kernel {

// `kernel` has one dim for each dim of the iteration space, in its order, those of size 1 included. Drops these, puts
// outer dims before row dims and each in memory order, picks `lane`, numbers the accumulators of final reductions and
// joins neighbours where every map allows it.
void arrange_loops(Kernel& kernel);

}  // namespace weft::kernel
