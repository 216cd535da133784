// The tournament schedule, and the matmuls for each shape of tile.
#include "backends/cpu/similarity/tiles.h"

#include <algorithm>
#include <thread>

namespace weft::cpu {

// The circle method: the last player stays; the others move by one position each round.
std::pair<std::int64_t, std::int64_t> Tournament::pair(std::int64_t round, std::int64_t index) const {
  const std::int64_t circle = seats() - 1;
  const std::int64_t a = index == 0 ? circle : (round + index) % circle;
  const std::int64_t b = index == 0 ? round : (round + circle - index) % circle;
  return {std::min(a, b), std::max(a, b)};
}

TileWalk::TileWalk(std::int64_t blocks, int threads) : blocks_(blocks) {
  constexpr std::int64_t kEnoughGroups = 16, kMostBlocks = 4;
  size_ = std::clamp<std::int64_t>(blocks / kEnoughGroups, 1, kMostBlocks);
  groups_ = (blocks + size_ - 1) / size_;
  workers_ = int(std::min<std::int64_t>(threads, groups_));
  turns_ = std::make_unique<std::atomic<std::int64_t>[]>(std::size_t(groups_));
}

void TileWalk::begin() {
  taken_ = 0;
  for (std::int64_t group = 0; group < groups_; ++group) turns_[std::size_t(group)] = 0;
}

TileWalk::Meeting TileWalk::next() {
  const Tournament tournament{groups_};
  const std::int64_t number = taken_.fetch_add(1, std::memory_order_relaxed);
  if (number < groups_) return {0, number, number};
  const std::int64_t round = (number - groups_) / tournament.pairs(), index = (number - groups_) % tournament.pairs();
  if (round >= tournament.rounds()) return {};
  const auto [a, b] = tournament.pair(round, index);
  // Meetings are taken in order, so that a meeting that others wait for is in progress.
  const auto wait_for = [&](std::int64_t group) {
    constexpr int kSpins = 1000;
    for (int i = 0; turns_[std::size_t(group)].load(std::memory_order_acquire) <= round; ++i)
      if (i >= kSpins) std::this_thread::yield();
  };
  wait_for(a);
  if (b < groups_) wait_for(b);
  return {round + 1, a, b};
}

void TileWalk::end(const Meeting& meeting) {
  for (const std::int64_t group : {meeting.a, meeting.b})
    if (group < groups_) turns_[std::size_t(group)].store(meeting.turn + 1, std::memory_order_release);
}

TileMatmuls::TileMatmuls(const SimilarityShape& shape, bool gradients) : shape_(shape) {
  const std::int64_t whole = shape.block, last = shape.rows_of(shape.blocks - 1);
  add(whole, whole, true, gradients);
  add(last, last, true, gradients);
  if (shape.blocks == 1) return;
  add(whole, whole, false, gradients);
  add(whole, last, false, gradients);
}

void TileMatmuls::add(std::int64_t rows, std::int64_t columns, bool diagonal, bool gradients) {
  const std::int64_t width = shape_.width, block = shape_.block;
  const auto x = [&](std::int64_t count) { return Matrix{count, width, width, 1}; };
  Set set{TileMatmul(x(rows), Matrix{width, columns, 1, width}, Matrix{rows, columns, block, 1}, false), {}};
  if (gradients) {
    set.gradients.emplace_back(Matrix{rows, columns, block, 1}, x(columns), x(rows), !diagonal);
    if (!diagonal) set.gradients.emplace_back(Matrix{columns, rows, 1, block}, x(rows), x(columns), true);
  }
  scratch_bytes_ = std::max(scratch_bytes_, set.similarities.scratch_bytes());
  for (const TileMatmul& each : set.gradients) scratch_bytes_ = std::max(scratch_bytes_, each.scratch_bytes());
  sets_.push_back(std::move(set));
}

TileMatmuls::Set& TileMatmuls::set_of(const Tile& tile) {
  const bool with_last = tile.column + 1 == shape_.blocks;
  return sets_[(tile.is_diagonal() ? 0u : 2u) + (with_last ? 1u : 0u)];
}

void TileMatmuls::similarities(const Tile& tile, const float* x, float* result, void* scratch) {
  const std::int64_t stride = shape_.block * shape_.width;
  set_of(tile).similarities.run(x + tile.row * stride, x + tile.column * stride, result, scratch);
}

void TileMatmuls::gradients(const Tile& tile, const float* weights, const float* x, float* dx, void* scratch) {
  const std::int64_t stride = shape_.block * shape_.width;
  std::vector<TileMatmul>& products = set_of(tile).gradients;
  products[0].run(weights, x + tile.column * stride, dx + tile.row * stride, scratch);
  if (!tile.is_diagonal()) products[1].run(weights, x + tile.row * stride, dx + tile.column * stride, scratch);
}

}  // namespace weft::cpu
