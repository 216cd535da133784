// The walk over the tiles of a symmetric matrix of similarities: which pairs of blocks meet when, and on which thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "backends/cpu/library_product.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/similarity_kernels.h"

namespace weft::cpu {

// Each pair of different players meets once, in rounds: no player is in two pairs of a round.
struct Tournament {
  std::int64_t players = 0;
  std::int64_t seats() const { return players + players % 2; }  // an odd number of players: one rests each round
  std::int64_t rounds() const { return players < 2 ? 0 : seats() - 1; }
  std::int64_t pairs() const { return seats() / 2; }  // of a round
  // The smaller player first; second == players where the first rests.
  std::pair<std::int64_t, std::int64_t> pair(std::int64_t round, std::int64_t index) const;
};

// The rows of a tile are those of block `row`, its columns those of block `column` >= `row`.
struct Tile {
  std::int64_t row = 0, column = 0;
  bool is_diagonal() const { return row == column; }
};

// visit(worker, tile) for every tile, at most `workers` at once, each number of a worker on one thread at a time.
//
// Neighbouring blocks form a group, and groups meet as in a tournament: first each with itself, diagonal tiles before
// others, then all pairs of a round at once, on any threads, and one pair's tiles in order on one thread. So every sum
// has one order whatever the number of threads. The rows of a pair of groups stay in a core's own cache, and rounds are
// few, for threads wait for each other after each.
template <typename Visit>
void over_tiles(std::int64_t blocks, int workers, const Visit& visit) {
  constexpr std::int64_t kEnoughGroups = 16, kMostBlocks = 4;
  const std::int64_t size = std::clamp<std::int64_t>(blocks / kEnoughGroups, 1, kMostBlocks);
  const std::int64_t groups = (blocks + size - 1) / size;
  const auto meet = [&](std::size_t worker, std::int64_t a, std::int64_t b) {
    const std::int64_t a_end = std::min(blocks, (a + 1) * size), b_end = std::min(blocks, (b + 1) * size);
    for (std::int64_t block = a * size; a == b && block < a_end; ++block) visit(worker, Tile{block, block});
    for (std::int64_t row = a * size; row < a_end; ++row)
      for (std::int64_t column = std::max(row + 1, b * size); column < b_end; ++column)
        visit(worker, Tile{row, column});
  };
  const auto share_out = [&](std::int64_t count, const auto& pair_of) {
    const std::int64_t team = std::min<std::int64_t>(workers, count);
    parallel_chunks(team, int(team), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t worker = begin; worker < end; ++worker)
        for (std::int64_t i = worker; i < count; i += team) {
          const auto [a, b] = pair_of(i);
          if (b < groups) meet(std::size_t(worker), a, b);
        }
    });
  };
  share_out(groups, [](std::int64_t i) { return std::pair(i, i); });
  const Tournament tournament{groups};
  for (std::int64_t round = 0; round < tournament.rounds(); ++round)
    share_out(tournament.pairs(), [&](std::int64_t i) { return tournament.pair(round, i); });
}

// The products of tiles for one thread. Blocks are [rows of the block, width], tiles have rows `shape.block` apart.
class TileProducts {
 public:
  // With `gradients`: also those that take a tile of weights back to rows.
  TileProducts(const SimilarityShape& shape, bool gradients);

  std::size_t scratch_bytes() const { return scratch_bytes_; }
  // tile = X_row X_column^T
  void similarities(const Tile& tile, const float* x, float* result, void* scratch);
  // dX_row = W X_row on the diagonal, where W is symmetric. Off it: dX_row += W X_column, dX_column += W^T X_row.
  void gradients(const Tile& tile, const float* weights, const float* x, float* dx, void* scratch);

 private:
  struct Set {
    TileProduct similarities;
    std::vector<TileProduct> gradients;  // by rows, then by columns; on the diagonal the first alone
  };
  void add(std::int64_t rows, std::int64_t columns, bool diagonal, bool gradients);
  Set& set_of(const Tile& tile);

  SimilarityShape shape_;
  std::vector<Set> sets_;  // diagonal, diagonal of the last block, off it, off it with the last block
  std::size_t scratch_bytes_ = 0;
};

}  // namespace weft::cpu
