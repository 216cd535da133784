// Assigns work to threads, blocks and packs.
#include "backends/cuda/codegen/plan.h"

#include <algorithm>
#include <bit>

namespace weft::cuda {

using kernel::DimSet;
using kernel::Kernel;
using kernel::Level;
using kernel::Node;
using kernel::NodeId;
using kernel::NodeKind;

namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kEnoughBlocks = 264;  // two per multiprocessor of today's large GPUs
constexpr std::int64_t kMostBlocks = 1024;   // of a launch that leaves partial sums
constexpr std::int64_t kMostCopies = 64;     // one thread joins them in turn
constexpr std::int64_t kMostArrayNumbers = 1 << 20;
constexpr std::int64_t kTurnsOfPart = 4;  // least turns per thread in a part of a row
constexpr int kMostTurns = 8;
constexpr std::int64_t kSmallShare = 16;      // share of the points below which an operand is small
constexpr std::int64_t kPackedPoints = 4096;  // with fewer, more threads beat wider loads

std::int64_t power_of_two(std::int64_t at_least) { return std::int64_t(std::bit_ceil(std::uint64_t(at_least))); }

bool contains(const std::vector<int>& dims, int d) { return std::find(dims.begin(), dims.end(), d) != dims.end(); }

void split_rows(Nest& nest, std::int64_t most) {
  const std::int64_t useful = nest.points / (nest.group * kTurnsOfPart);
  const std::int64_t wanted = nest.row_blocks >= kEnoughBlocks / 2 ? 1 : kEnoughBlocks / nest.row_blocks;
  nest.splits = std::clamp<std::int64_t>(std::min(wanted, useful), 1, std::max<std::int64_t>(most, 1));
  nest.splits = ceil_div(nest.points, nest.split_points());  // no empty part
}

// The group size, and how many groups share a block.
void share_threads(Nest& nest) {
  if (nest.neighbours) {
    // Up to 2048 points, a thread's share stays in registers.
    nest.group = nest.points <= 16     ? int(power_of_two(nest.points))
                 : nest.points <= 256  ? 32
                 : nest.points <= 1024 ? 128
                                       : kThreads;
    const int most = std::max(1, 128 / nest.group), least = std::max(1, 32 / nest.group);
    nest.rows_per_block = int(std::clamp<std::int64_t>(power_of_two(nest.rows), least, most));
  } else {
    const bool short_row = nest.points <= 16 || (nest.points <= 64 && nest.rows >= 1 << 14);
    nest.rows_per_block = short_row ? 128 : int(std::min<std::int64_t>(power_of_two(nest.rows), 32));
    nest.group = short_row ? 1 : kThreads / nest.rows_per_block;
  }
  nest.row_blocks = ceil_div(nest.rows, nest.rows_per_block);
}

Nest nest_of(const Kernel& kernel, DimSet outer) {
  Nest nest;
  for (int d = 0; d < int(kernel.dims.size()); ++d) (outer & kernel::bit(d) ? nest.outer : nest.inner).push_back(d);
  nest.rows = points_of(kernel, nest.outer);
  nest.points = points_of(kernel, nest.inner);
  nest.neighbours = contains(nest.inner, kernel.lane);
  return nest;
}

}  // namespace

std::int64_t points_of(const Kernel& kernel, const std::vector<int>& dims) {
  std::int64_t result = 1;
  for (const int d : dims) result *= kernel.dims[std::size_t(d)].size;
  return result;
}

DimSet set_of(const std::vector<int>& dims) {
  DimSet set = 0;
  for (const int d : dims) set |= kernel::bit(d);
  return set;
}

Nest row_nest(const Kernel& kernel, std::int64_t arrays) {
  Nest nest = nest_of(kernel, ~row_set(kernel));
  share_threads(nest);
  const bool reduces_all = !final_reductions(kernel).empty();
  if (arrays > 0) {
    // One row at a time per block, so that no two threads add to the same number of its array.
    nest.neighbours = true;
    nest.group = int(std::clamp<std::int64_t>(power_of_two(nest.points), 32, kThreads));
    nest.rows_per_block = 1;
    nest.row_blocks = nest.rows;
    nest.blocks = std::clamp<std::int64_t>(kMostArrayNumbers / arrays, 1, std::min(nest.rows, kEnoughBlocks));
  } else {
    split_rows(nest, kMostCopies);
    nest.blocks = nest.row_blocks * nest.splits;
    if (reduces_all)
      nest.blocks = std::min(nest.blocks, std::max(kMostBlocks / nest.splits, std::int64_t{1}) * nest.splits);
  }
  const std::int64_t turns = ceil_div(nest.points, nest.group);
  if (nest.splits == 1 && turns <= kMostTurns) nest.turns = int(turns);
  return nest;
}

Nest column_nest(const Kernel& kernel, DimSet kept, int pack) {
  Nest nest = nest_of(kernel, kept);
  nest.rows /= pack;
  share_threads(nest);
  // Packs of rows reduce the number of row blocks, so rows are split into more parts.
  split_rows(nest, std::min(pack > 1 ? 2 * kMostCopies : kMostCopies, kMostArrayNumbers / (nest.rows * pack)));
  nest.blocks = nest.row_blocks * nest.splits;
  return nest;
}

int pack_size(const Kernel& kernel) {
  if (kernel.dims.empty() || kernel.points() < kPackedPoints) return 1;
  const auto lane = kernel.dims.size() - 1;
  std::size_t widest = 0;
  const auto see = [&](const kernel::Map& map, std::uint32_t buffer) {
    if (map.strides[lane] == 1) widest = std::max(widest, ir::size_of(kernel.buffers[buffer].dtype));
  };
  for (const Node& node : kernel.nodes)
    if (node.kind == NodeKind::load && points_of(kernel, list(node.varies)) > kernel.points() / kSmallShare)
      see(node.map, node.buffer);
  for (const kernel::Store& store : kernel.stores)
    if (store.level == Level::point) see(store.map, store.buffer);
  const std::int64_t size = kernel.dims[lane].size;
  if (widest > 0 && widest <= 2 && size % 8 == 0) return 8;
  return widest > 0 && size % 4 == 0 ? 4 : 1;
}

std::size_t Scratch::take(std::int64_t numbers) {
  const std::size_t at = bytes_;
  bytes_ += (std::size_t(numbers) * 4 + 255) / 256 * 256;
  return at;
}

}  // namespace weft::cuda
