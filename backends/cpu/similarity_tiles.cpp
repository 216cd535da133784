// The tournament, and the library's products for each shape of tile.
#include "backends/cpu/similarity_tiles.h"

#include <algorithm>

namespace weft::cpu {

// The circle method: the last player stays, the others move on by one place each round.
std::pair<std::int64_t, std::int64_t> Tournament::pair(std::int64_t round, std::int64_t index) const {
  const std::int64_t circle = seats() - 1;
  const std::int64_t a = index == 0 ? circle : (round + index) % circle;
  const std::int64_t b = index == 0 ? round : (round + circle - index) % circle;
  return {std::min(a, b), std::max(a, b)};
}

TileProducts::TileProducts(const SimilarityShape& shape, bool gradients) : shape_(shape) {
  const std::int64_t whole = shape.block, last = shape.rows_of(shape.blocks - 1);
  add(whole, whole, true, gradients);
  add(last, last, true, gradients);
  if (shape.blocks == 1) return;
  add(whole, whole, false, gradients);
  add(whole, last, false, gradients);
}

void TileProducts::add(std::int64_t rows, std::int64_t columns, bool diagonal, bool gradients) {
  const std::int64_t width = shape_.width, block = shape_.block;
  const auto x = [&](std::int64_t count) { return Matrix{count, width, width, 1}; };
  Set set{TileProduct(x(rows), Matrix{width, columns, 1, width}, Matrix{rows, columns, block, 1}, false), {}};
  if (gradients) {
    set.gradients.emplace_back(Matrix{rows, columns, block, 1}, x(columns), x(rows), !diagonal);
    if (!diagonal) set.gradients.emplace_back(Matrix{columns, rows, 1, block}, x(rows), x(columns), true);
  }
  scratch_bytes_ = std::max(scratch_bytes_, set.similarities.scratch_bytes());
  for (const TileProduct& each : set.gradients) scratch_bytes_ = std::max(scratch_bytes_, each.scratch_bytes());
  sets_.push_back(std::move(set));
}

TileProducts::Set& TileProducts::set_of(const Tile& tile) {
  const bool with_last = tile.column + 1 == shape_.blocks;
  return sets_[(tile.is_diagonal() ? 0u : 2u) + (with_last ? 1u : 0u)];
}

void TileProducts::similarities(const Tile& tile, const float* x, float* result, void* scratch) {
  const std::int64_t stride = shape_.block * shape_.width;
  set_of(tile).similarities.run(x + tile.row * stride, x + tile.column * stride, result, scratch);
}

void TileProducts::gradients(const Tile& tile, const float* weights, const float* x, float* dx, void* scratch) {
  const std::int64_t stride = shape_.block * shape_.width;
  std::vector<TileProduct>& products = set_of(tile).gradients;
  products[0].run(weights, x + tile.column * stride, dx + tile.row * stride, scratch);
  if (!tile.is_diagonal()) products[1].run(weights, x + tile.row * stride, dx + tile.column * stride, scratch);
}

}  // namespace weft::cpu
