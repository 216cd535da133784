// What is computed on one tile of a similarity matrix, as kernels of our own: the library makes the tile of products
// x_i.x_j, these turn it into sums of exponentials and into weights of the gradient.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backends/kernel/kernel.h"

namespace weft::cpu {

// Of n rows of d numbers, in blocks of `block` rows; the last block may have fewer. Fixed by the shape alone.
struct SimilarityShape {
  std::int64_t rows = 0, width = 0, block = 0, blocks = 0;

  SimilarityShape(std::int64_t n, std::int64_t d);
  std::int64_t rows_of(std::int64_t index) const { return index + 1 < blocks ? block : rows - (blocks - 1) * block; }
  std::int64_t padded() const { return blocks * block; }
};

// No |s_ij| is above this where the kernels `plain` are used: exp(s) and the sum of it over any number of rows are far
// from the ends of f32, and no maximum is taken out. Others use the kernels that take it out.
inline constexpr float kPlainExponent = 40;

// By place in the lists below.
enum class LseKernel : std::uint8_t { lengths, plain, rows, columns, finish };
enum class LseGradKernel : std::uint8_t { lengths, plain, shifted, weights };

// Kernels of `similarity_lse`, with the arguments of each. T is the block, tiles are [T,T]; of two blocks I and J the
// rows of the tile are I's, the columns J's. An output may be the input of the same meaning.
//   lengths  x [n,d], r [n,1] -> s_ii [n,1]: no |s_ij| is larger than the largest of them
//   plain    tile, r of I, r of J, sum of I, sum of J -> both sums with the tile's exponentials added
//   rows     tile, r of I, r of J, max and sum of I -> max and sum, with sums in units of exp(max)
//   columns  tile, r of I, r of J, max and sum of J -> max and sum
//   finish   max, sum [n,1] -> max + log(sum) [n,1]
std::vector<kernel::Kernel> lse_kernels(const SimilarityShape& shape, const std::string& name);

// Kernels of `similarity_lse_grad`. The result of the first two is r_i r_j (w_i P_ij + w_j P_ji), in place of the tile.
//   lengths  as above
//   plain    tile, r of I, r of J, w exp(-lse) of I, of J -> tile
//   shifted  tile, r of I, r of J, lse of I, lse of J, w of I, w of J -> tile
//   weights  w, lse [n,1] -> w exp(-lse) [n,1]
std::vector<kernel::Kernel> lse_grad_kernels(const SimilarityShape& shape, const std::string& name);

}  // namespace weft::cpu
