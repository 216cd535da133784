// `similarity_lse` and its gradient as streaming tiles: the tiles of n^2 similarities are computed, used and dropped in
// turn, twice per step, in memory for a few tiles per thread. For few rows (kept_similarity_block) the tiles are
// computed once and kept. Each pair of blocks is computed once and serves the rows of both.
#pragma once

#include <memory>

#include "backends/cpu/program/thunk.h"

namespace weft::cpu {

// Its kernels are those of similarity/kernels.h, in that order.
std::unique_ptr<Thunk> make_similarity(const weft_similarity_step& work, int threads);

}  // namespace weft::cpu
