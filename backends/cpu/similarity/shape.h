// How a matrix of similarities is split into tiles, and which kernels run on a tile.
#pragma once

#include <cstdint>

#include "ir/type.h"

namespace weft::cpu {

// n rows of d numbers, in blocks of `block` rows; the last block may have fewer. The shape fixes everything. With
// blocks of 128 rows, a tile and both blocks fit in a core's cache at nearly oneDNN's best rate; for few rows the
// blocks are smaller, so that there are enough tiles for all threads.
struct SimilarityShape {
  std::int64_t rows = 0, width = 0, block = 0, blocks = 0;

  SimilarityShape(std::int64_t n, std::int64_t d)
      : rows(n),
        width(d),
        block(n >= 512   ? 128
              : n >= 128 ? 64
                         : n),
        blocks((n + block - 1) / block) {}
  std::int64_t rows_of(std::int64_t index) const { return index + 1 < blocks ? block : rows - (blocks - 1) * block; }
  std::int64_t padded() const { return blocks * block; }
  // The index of the tile of two blocks, row <= column, among the kept tiles, in the order of similarity_tiles.
  std::int64_t tile(std::int64_t row, std::int64_t column) const { return row * blocks - row * (row + 1) / 2 + column; }
};

// The block size for keeping the dot products of rows from the loss for its gradient: for at most 2,048 rows, whose 9
// MB stay in the caches. 0 for more: the loss streams.
inline std::int64_t kept_similarity_block(const ir::Type& rows) {
  constexpr std::int64_t kMostKept = 2048;
  const auto dims = ir::numbers(rows.dims);
  return rows.dtype == ir::DType::f32 && dims[0] <= kMostKept ? SimilarityShape(dims[0], dims[1]).block : 0;
}

// The kernels `plain` require every |s_ij| to be at most this: exp(s), and its sum over any number of rows, are then
// far from the limits of f32, and no maximum is subtracted. The other kernels subtract it.
inline constexpr float kPlainExponent = 40;

// Indices into the lists of similarity/kernels.h.
enum class LseKernel : std::uint8_t { lengths, plain, rows, columns, finish };
enum class LseGradKernel : std::uint8_t { lengths, plain, shifted, weights };

}  // namespace weft::cpu
