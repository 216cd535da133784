// Emits the functions of Winograd convolutions. Internal to the emitter.
#pragma once

#include <algorithm>

#include "backends/cpu/codegen/code.h"
#include "backends/cpu/winograd.h"

namespace weft::cpu {

// Blocks of tiles, chunks of blocks, the tile of a product in registers, and scratch. Blocks and chunks follow from the
// shape alone, and so does the order of every sum.
struct WinogradPlan {
  Winograd shape;
  std::int64_t block = 0;  // tiles that are transformed and multiplied at once
  std::int64_t blocks_per_part = 0;
  std::int64_t block_parts = 1;   // each with sums of its own, for weights
  std::int64_t column_parts = 1;  // of the channels that are made, for weights with large sums
  std::int64_t tile_rows = 0, tile_vectors = 0;
  std::int64_t panel = 0;  // columns of a tile
  std::int64_t chunks = 0;
  std::int64_t slot = 0;  // numbers of scratch for each chunk
  double work_ns = 0;

  static constexpr std::int64_t kProducts = 36;
  static constexpr std::int64_t kOutputsPerChunk = 16;  // of the transform of kernels

  // Transformed tiles: [36][block][channels], and a line between, since 36 numbers at a multiple of a page would share
  // one set of the first-level cache.
  std::int64_t stride(std::int64_t channels) const { return block * channels + 16; }
  std::int64_t made() const { return shape.out / column_parts; }  // channels, by one chunk
  std::int64_t before_sums() const {
    return std::max(shape.in, shape.out) + shape.out + kProducts * (stride(shape.in) + stride(made()));
  }
  std::size_t scratch_bytes() const { return std::size_t(chunks * slot) * sizeof(float); }
};

WinogradPlan make_winograd_plan(const Winograd& winograd, const MachineTarget& target);
// NAME(buffers, scratch, begin_chunk, end_chunk) and, for `weights`, NAME_finish(buffers, scratch).
void emit_winograd(Code& code, const WinogradPlan& plan);

}  // namespace weft::cpu
