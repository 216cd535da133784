// Contractions in numbers: the three convolution ops as one relation, and how many operations an op has.
#pragma once

#include <array>
#include <cstdint>

#include "ir/graph.h"

namespace weft::ir {

bool is_convolution(OpCode code);  // conv2d, conv_transpose2d, conv2d_weight_grad

// One relation in three directions, in the terms of the forward convolution: y [N,O,..] = x [N,C,..] * w
// [O,C/groups,..], cross-correlation. Dims are in these orders whatever the order in memory.
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

// Of a convolution op. Dims are numbers.
ConvolutionShape convolution_shape(const Graph& graph, const Op& op);

// Of similarity_tiles of rows x [n,d], n a number, in blocks of `block` rows.
Type similarity_tiles_type(const Type& x, std::int64_t block);

// Floating point operations of a contraction, a multiply and an add being two; 0 for other ops. Similarities are
// counted once for each pair of rows. Dims are numbers.
double flops_of(const Graph& graph, const Op& op);

}  // namespace weft::ir
