// The walk over the tiles of a symmetric matrix of similarities: which pairs of blocks meet when, on which thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "backends/cpu/onednn/tile_matmul.h"
#include "backends/cpu/similarity/shape.h"
#include "backends/cpu/threads/parallel.h"

namespace weft::cpu {

// Each pair of different players meets once, in rounds: no player is in two pairs of one round.
struct Tournament {
  std::int64_t players = 0;
  std::int64_t seats() const { return players + players % 2; }  // with an odd number of players, one rests each round
  std::int64_t rounds() const { return players < 2 ? 0 : seats() - 1; }
  std::int64_t pairs() const { return seats() / 2; }  // per round
  // The smaller player first; second == players if the first rests.
  std::pair<std::int64_t, std::int64_t> pair(std::int64_t round, std::int64_t index) const;
};

// The rows of a tile belong to block `row`, its columns to block `column` >= `row`.
struct Tile {
  std::int64_t row = 0, column = 0;
  bool is_diagonal() const { return row == column; }
};

// Visits every tile once. Neighbouring blocks form a group, and groups meet as in a tournament: first each with itself,
// diagonal tiles first, then round by round in pairs, the tiles of a meeting in order on one thread. A group's meetings
// have one order, so every sum has one order for any number of threads. A free thread takes the next meeting, because
// cores of shared machines are not equally fast, and waits only for meetings in progress that involve its groups. The
// rows of a pair of groups stay in a core's cache.
class TileWalk {
 public:
  TileWalk(std::int64_t blocks, int threads);

  int workers() const { return workers_; }
  // Calls visit(worker, tile) on all workers at once, with one thread per worker at a time. Allocates nothing.
  template <typename Visit>
  void run(const Visit& visit) {
    begin();
    parallel_chunks(workers_, workers_, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t worker = first; worker < last; ++worker)
        for (Meeting meeting = next(); meeting.turn >= 0; meeting = next()) {
          if (meeting.b < groups_) meet(std::size_t(worker), meeting, visit);
          end(meeting);
        }
    });
  }

 private:
  struct Meeting {
    std::int64_t turn = -1;     // 0: each group with itself; -1: all done
    std::int64_t a = 0, b = 0;  // b == groups_: a rests
  };

  template <typename Visit>
  void meet(std::size_t worker, const Meeting& meeting, const Visit& visit) const {
    const auto [turn, a, b] = meeting;
    const std::int64_t a_end = std::min(blocks_, (a + 1) * size_), b_end = std::min(blocks_, (b + 1) * size_);
    for (std::int64_t block = a * size_; a == b && block < a_end; ++block) visit(worker, Tile{block, block});
    for (std::int64_t row = a * size_; row < a_end; ++row)
      for (std::int64_t column = std::max(row + 1, b * size_); column < b_end; ++column)
        visit(worker, Tile{row, column});
  }

  void begin();
  Meeting next();  // waits until both groups have finished earlier turns
  void end(const Meeting& meeting);

  std::int64_t blocks_, size_, groups_;  // blocks of a group but the last: size_
  int workers_;
  std::unique_ptr<std::atomic<std::int64_t>[]> turns_;  // by group: the number of finished turns
  std::atomic<std::int64_t> taken_ = 0;                 // meetings that threads have taken
};

// The matmuls of tiles for one thread. Blocks are [rows of the block, width]; rows of a tile are `shape.block` apart.
class TileMatmuls {
 public:
  // With `gradients`: also the matmuls of a tile of weights with rows.
  TileMatmuls(const SimilarityShape& shape, bool gradients);

  std::size_t scratch_bytes() const { return scratch_bytes_; }
  // tile = X_row X_column^T
  void similarities(const Tile& tile, const float* x, float* result, void* scratch);
  // dX_row = W X_row on the diagonal, where W is symmetric. Elsewhere: dX_row += W X_column, dX_column += W^T X_row.
  void gradients(const Tile& tile, const float* weights, const float* x, float* dx, void* scratch);

 private:
  struct Set {
    TileMatmul similarities;
    std::vector<TileMatmul> gradients;  // by rows, then by columns; only the first on the diagonal
  };
  void add(std::int64_t rows, std::int64_t columns, bool diagonal, bool gradients);
  Set& set_of(const Tile& tile);

  SimilarityShape shape_;
  std::vector<Set> sets_;  // diagonal, diagonal of the last block, off it, off it with the last block
  std::size_t scratch_bytes_ = 0;
};

}  // namespace weft::cpu
