// How a matrix of similarities is cut into tiles, and which kernels run on one.
#pragma once

#include <cstdint>

#include "ir/type.h"

namespace weft::cpu {

// Of n rows of d numbers, in blocks of `block` rows; the last block may have fewer. Fixed by the shape alone. Blocks of
// 128 rows keep a tile and both blocks in a core's own cache at nearly the library's best rate; fewer rows in all make
// smaller ones, for tiles to share out.
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
  // Of the tile of two blocks, row <= column, where all are kept: its place among them, as similarity_tiles has it.
  std::int64_t tile(std::int64_t row, std::int64_t column) const { return row * blocks - row * (row + 1) / 2 + column; }
};

// The block in which to keep the products of rows from the loss for its gradient: for no more than 2,048 rows, whose
// 9 MB do not leave the caches. 0 for more: the loss streams.
inline std::int64_t kept_similarity_block(const ir::Type& rows) {
  constexpr std::int64_t kMostKept = 2048;
  const auto dims = ir::numbers(rows.dims);
  return rows.dtype == ir::DType::f32 && dims[0] <= kMostKept ? SimilarityShape(dims[0], dims[1]).block : 0;
}

// No |s_ij| is above this where the kernels `plain` are used: exp(s) and the sum of it over any number of rows are far
// from the ends of f32, and no maximum is taken out. Others use the kernels that take it out.
inline constexpr float kPlainExponent = 40;

// By place in the lists of similarity_kernels.h.
enum class LseKernel : std::uint8_t { lengths, plain, rows, columns, finish };
enum class LseGradKernel : std::uint8_t { lengths, plain, shifted, weights };

}  // namespace weft::cpu
