// Contractions in numbers: the three convolution ops as one relation, and operation counts.
#pragma once

#include <array>
#include <cstdint>

#include "ir/graph.h"

namespace weft::ir {

bool is_convolution(OpCode code);  // conv2d, conv_transpose2d, conv2d_weight_grad

// One relation in three directions, named after the forward convolution: y [N,O,..] = x [N,C,..] * w [O,C/groups,..],
// cross-correlation. Dims have this order whatever the order in memory.
struct ConvolutionShape {
  enum class Direction : std::uint8_t {
    forward,  // y from x, w, [bias]
    data,     // x from y, w: a transposed convolution
    weights,  // w from x, y
  };
  Direction direction = Direction::forward;
  std::array<std::int64_t, 4> x{}, w{}, y{};
  std::array<std::int64_t, 2> stride{1, 1}, padding{}, dilation{1, 1};
  std::int64_t groups = 1;
  bool channels_last = false;  // x and y are [N,H,W,C] in memory, else [N,C,H,W]
};

// For a convolution op with static dims.
ConvolutionShape convolution_shape(const Graph& graph, const Op& op);

// For similarity_tiles of rows x [n,d], n a number, in blocks of `block` rows.
Type similarity_tiles_type(const Type& x, std::int64_t block);

// Floating point operations of a contraction, with a multiply-add as two; 0 for other ops. Counts each pair of
// similarities once. Dims must be static.
double flops_of(const Graph& graph, const Op& op);

}  // namespace weft::ir
