// Generated kernels for one tile of a similarity matrix: oneDNN computes the tile of dot products x_i.x_j, and these
// turn it into sums of exponentials and into weights of the gradient.
#pragma once

#include <string>
#include <vector>

#include "backends/cpu/similarity/shape.h"
#include "ir/kernel/kernel.h"

namespace weft::cpu {

// Kernels of `similarity_lse`, with the arguments of each. T is the block size; tiles are [T,T]. For two blocks I and
// J, the rows of the tile are I's and the columns J's. An output may share memory with the input of the same meaning.
//   lengths  x [n,d], r [n,1] -> s_ii [n,1]: no |s_ij| is larger than the largest of them
//   plain    tile, r of I, r of J, sum of I, sum of J -> both sums with the tile's exponentials added
//   rows     tile, r of I, r of J, max and sum of I -> max and sum, with sums in units of exp(max)
//   columns  tile, r of I, r of J, max and sum of J -> max and sum
//   finish   max, sum [n,1] -> max + log(sum) [n,1]
std::vector<kernel::Kernel> lse_kernels(const SimilarityShape& shape, const std::string& name);

// Kernels of `similarity_lse_grad`. The first two compute r_i r_j (w_i P_ij + w_j P_ji) in place of the tile.
//   lengths  as above
//   plain    tile, r of I, r of J, w exp(-lse) of I, of J -> tile
//   shifted  tile, r of I, r of J, lse of I, lse of J, w of I, w of J -> tile
//   weights  w, lse [n,1] -> w exp(-lse) [n,1]
std::vector<kernel::Kernel> lse_grad_kernels(const SimilarityShape& shape, const std::string& name);

}  // namespace weft::cpu
