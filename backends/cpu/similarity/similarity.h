// `similarity_lse` and its gradient as streaming tiles: n^2 similarities are computed, used and forgotten tile by tile,
// twice a step, in memory of a few tiles a thread; of few rows (kept_similarity_block) the tiles are computed once and
// kept. Each pair of blocks is computed once and serves the rows of both.
#pragma once

#include <memory>
#include <vector>

#include "backends/cpu/program/thunk.h"

namespace weft::cpu {

// `kernels` are those that similarity_kernels.h makes for the work, compiled, in that order.
std::unique_ptr<Thunk> make_similarity(const SimilarityStep& work, std::vector<CompiledKernel> kernels, int threads);

}  // namespace weft::cpu
