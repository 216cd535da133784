// Decides, before anything is written, which threads do what. Everything follows from shapes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ir/integer.h"
#include "ir/kernel/queries.h"

namespace weft::cuda {

using kernel::counts_at_points;
using kernel::final_reductions;
using kernel::list;
using kernel::nonzero;
using kernel::row_reductions;
using kernel::row_set;

// Each of the copies is that of a part of the launches; the finishing launch joins them.
struct Accumulator : kernel::Accumulator {
  std::size_t offset = 0;  // bytes into scratch
};

// A row reduction whose rows are split among blocks: `copies` arrays of one number per row, joined where they are read.
struct SplitReduction {
  kernel::NodeId node = 0;
  std::int64_t copies = 1;
  std::size_t offset = 0;
};

// Loops distributed over the threads of blocks. Outer points are rows; a group of threads walks the inner points of a
// row together. The threads of a group are neighbours, or `rows_per_block` apart if neighbours take neighbouring rows.
struct Nest {
  std::vector<int> outer, inner;  // dims, outermost first
  std::int64_t rows = 1, points = 1;
  bool neighbours = true;
  int group = 1, rows_per_block = 1;
  std::int64_t row_blocks = 1;  // of rows_per_block rows
  std::int64_t splits = 1;      // parts of a row's points, one per block
  std::int64_t blocks = 1;      // row_blocks * splits, or fewer that take several turns each
  int turns = 0;                // > 0: a thread's share of a row fits registers; 0: a loop

  int threads() const { return group * rows_per_block; }
  std::int64_t split_points() const { return ceil_div(points, splits); }
  bool is_ragged() const { return rows % rows_per_block != 0; }
};

std::int64_t points_of(const kernel::Kernel& kernel, const std::vector<int>& dims);
kernel::DimSet set_of(const std::vector<int>& dims);

// For kernels with row dims. `arrays`: numbers in one copy of all accumulators with more than one number.
Nest row_nest(const kernel::Kernel& kernel, std::int64_t arrays);
// For a kernel without row dims that reduces to accumulators over `kept`. A row is `pack` neighbours along the last
// dim.
Nest column_nest(const kernel::Kernel& kernel, kernel::DimSet kept, int pack = 1);

// Neighbours along the last dim that a thread takes at once: 1, 4 or 8, so that values that differ between points move
// 16 bytes at a time. Small operands, such as one number per channel, do not count: they come from the caches.
int pack_size(const kernel::Kernel& kernel);

// Allocates scratch, 256-byte aligned.
class Scratch {
 public:
  std::size_t take(std::int64_t numbers);
  std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_ = 0;
};

}  // namespace weft::cuda
