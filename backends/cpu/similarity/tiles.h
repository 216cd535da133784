// The walk over the tiles of a symmetric matrix of similarities: which pairs of blocks meet when, and on which thread.
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

// Every tile once. Neighbouring blocks form a group, and groups meet as in a tournament: first each with itself,
// diagonal tiles before others, then round by round in pairs, a meeting's tiles in order on one thread. A group's
// meetings have one order, so every sum has, whatever the threads: a thread takes the next meeting when it is free, for
// cores of shared machines are not equally fast, and waits only for the meeting that one of the two groups is still in.
// The rows of a pair of groups stay in a core's own cache.
class TileWalk {
 public:
  TileWalk(std::int64_t blocks, int threads);

  int workers() const { return workers_; }
  // visit(worker, tile), on all workers at once, each number of a worker on one thread at a time. Allocates nothing.
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
    std::int64_t turn = -1;     // 0: each group with itself; -1: all are over
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
  Meeting next();  // once both groups are through with the turns before
  void end(const Meeting& meeting);

  std::int64_t blocks_, size_, groups_;  // blocks of a group but the last: size_
  int workers_;
  std::unique_ptr<std::atomic<std::int64_t>[]> turns_;  // by group: those it is through with
  std::atomic<std::int64_t> taken_ = 0;                 // meetings that threads have taken
};

// The products of tiles for one thread. Blocks are [rows of the block, width], tiles have rows `shape.block` apart.
class TileMatmuls {
 public:
  // With `gradients`: also those that take a tile of weights back to rows.
  TileMatmuls(const SimilarityShape& shape, bool gradients);

  std::size_t scratch_bytes() const { return scratch_bytes_; }
  // tile = X_row X_column^T
  void similarities(const Tile& tile, const float* x, float* result, void* scratch);
  // dX_row = W X_row on the diagonal, where W is symmetric. Off it: dX_row += W X_column, dX_column += W^T X_row.
  void gradients(const Tile& tile, const float* weights, const float* x, float* dx, void* scratch);

 private:
  struct Set {
    TileMatmul similarities;
    std::vector<TileMatmul> gradients;  // by rows, then by columns; on the diagonal the first alone
  };
  void add(std::int64_t rows, std::int64_t columns, bool diagonal, bool gradients);
  Set& set_of(const Tile& tile);

  SimilarityShape shape_;
  std::vector<Set> sets_;  // diagonal, diagonal of the last block, off it, off it with the last block
  std::size_t scratch_bytes_ = 0;
};

}  // namespace weft::cpu
