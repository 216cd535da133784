// The data direction of a convolution, x from y and w, by im2col: each position of y times the weights is a row of a
// matmul, and overlapping rows are added. If x has few channels, oneDNN's convolution runs at 5-15% of the machine's
// peak, because it pads its registers with unused channels.
#pragma once

#include <memory>

#include "backends/cpu/onednn/onednn.h"

namespace weft::cpu {

bool prefers_im2col(const Convolution& convolution);
std::unique_ptr<Primitive> make_im2col(const Convolution& convolution, int threads);

}  // namespace weft::cpu
