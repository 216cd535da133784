// Blocks, chunks and tiles of Winograd convolutions.
#include <algorithm>

#include "backends/cpu/codegen/products/winograd.h"
#include "ir/error.h"
#include "ir/integer.h"

namespace weft::cpu {

namespace {

constexpr std::int64_t kChunks = 8;
constexpr std::int64_t kManyWeights = 128 * 128;
constexpr std::int64_t kMostSums = 8 << 20;    // numbers, of all parts that have sums of weights
constexpr std::int64_t kTilesPerSum = 96;      // at least: sums are cleared, and added in the end
constexpr std::int64_t kColumnsPerPart = 128;  // at least: each part transforms all of the image

// A tile of 24 sums (12 for AVX2's sixteen registers), or for weights of 16 (8): their rows are multiples of 16.
void choose_tile(WinogradPlan& plan, const MachineTarget& target) {
  const Winograd& shape = plan.shape;
  const bool of_weights = shape.part == WinogradPart::weights, is_wide = target.vector_width == 16;
  plan.tile_vectors = std::max<std::int64_t>(2, 16 / target.vector_width);
  if (shape.out % (plan.tile_vectors * target.vector_width) != 0) plan.tile_vectors /= 2;
  plan.tile_rows = of_weights ? (is_wide ? 8 : 4) : (is_wide ? 12 : 6);
  plan.panel = plan.tile_vectors * target.vector_width;
}

// Multiples of the rows of every machine's tile. The transforms of 24 tiles stay in the second-level cache. With many
// channels the transformed weights or their sums do not, and more tiles at once pass over them less often.
std::int64_t block_of(const Winograd& shape) {
  const std::int64_t channels = shape.in * shape.out;
  if (shape.part == WinogradPart::weights) return channels < kManyWeights ? 24 : 96;
  return channels < 4 * kManyWeights ? 24 : 48;
}

// Chunks of weights are parts of the blocks or, where sums take much memory, of the columns.
void choose_parts(WinogradPlan& plan) {
  const Winograd& shape = plan.shape;
  const std::int64_t blocks = ceil_div(shape.tiles(), plan.block);
  std::int64_t parts = std::min(kChunks, blocks);
  if (shape.part == WinogradPart::weights) {
    const std::int64_t sums = WinogradPlan::kProducts * shape.in * shape.out;
    parts = std::clamp<std::int64_t>(std::min(kMostSums / sums, shape.tiles() / kTilesPerSum), 1, parts);
    while (parts * plan.column_parts < 2 && shape.out % (64 * plan.column_parts) == 0 &&
           plan.made() >= 2 * kColumnsPerPart)
      plan.column_parts *= 2;
  }
  plan.blocks_per_part = ceil_div(blocks, parts);
  plan.block_parts = ceil_div(blocks, plan.blocks_per_part);
  plan.chunks = plan.block_parts * plan.column_parts;
  plan.slot = plan.before_sums();
  if (shape.part == WinogradPart::weights) plan.slot += WinogradPlan::kProducts * shape.in * plan.made();
}

}  // namespace

WinogradPlan make_winograd_plan(const Winograd& winograd, const MachineTarget& target) {
  check(winograd.in % 16 == 0 && winograd.out % 16 == 0, "Winograd's channels are multiples of 16");
  WinogradPlan plan;
  plan.shape = winograd;
  choose_tile(plan, target);
  const auto weights = double(WinogradPlan::kProducts * winograd.in * winograd.out);
  if (winograd.part == WinogradPart::kernels) {
    plan.chunks = winograd.out / WinogradPlan::kOutputsPerChunk;
    plan.work_ns = 20 + 0.02 * weights;
    return plan;
  }
  plan.block = block_of(winograd);
  choose_parts(plan);
  const double cycles = double(winograd.tiles()) * weights / (target.vector_width * (target.avx512 ? 1 : 2));
  plan.work_ns = 20 + 0.3 * 1.4 * cycles;
  return plan;
}

}  // namespace weft::cpu
