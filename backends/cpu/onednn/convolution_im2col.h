// The data direction of a convolution, x from y and w, by columns: each place of y times the kernel is a row of a
// matmuls, and overlapping rows are added up. Where x has few channels the library's convolution runs at 5-15%
// of the machine, for it fills its registers with channels that are not there.
#pragma once

#include <memory>

#include "backends/cpu/onednn/onednn.h"

namespace weft::cpu {

bool prefers_im2col(const Convolution& convolution);
std::unique_ptr<Primitive> make_im2col(const Convolution& convolution);

}  // namespace weft::cpu
