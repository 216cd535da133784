// Decides, before anything is written, which threads do what: everything follows from shapes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ir/integer.h"
#include "ir/kernel/kernel.h"

namespace weft::cuda {

// A final reduction: each of `copies` parts of the launches adds into an array of `extent` numbers of 4 bytes in
// scratch, and the launch that finishes joins the copies in order.
struct Accumulator {
  kernel::NodeId node = 0;
  std::int64_t extent = 1, copies = 1;
  std::size_t offset = 0;  // bytes into scratch
};

// A row reduction whose rows are split among blocks: `copies` arrays of one number a row, joined where they are read.
struct SplitReduction {
  kernel::NodeId node = 0;
  std::int64_t copies = 1;
  std::size_t offset = 0;
};

// Loops shared out among the threads of blocks. Outer points are rows; a group of threads walks the inner points of a
// row together. Groups are neighbouring threads, or threads `rows_per_block` apart where neighbours take neighbouring
// rows.
struct Nest {
  std::vector<int> outer, inner;  // dims, outermost first
  std::int64_t rows = 1, points = 1;
  bool neighbours = true;
  int group = 1, rows_per_block = 1;
  std::int64_t row_blocks = 1;  // of rows_per_block rows
  std::int64_t splits = 1;      // parts of a row's points, each a block's
  std::int64_t blocks = 1;      // row_blocks * splits, or fewer that take several turns each
  int turns = 0;                // > 0: a thread's share of a row, in registers; 0: a loop

  int threads() const { return group * rows_per_block; }
  std::int64_t split_points() const { return (points + splits - 1) / splits; }
  bool is_ragged() const { return rows % rows_per_block != 0; }
};

std::int64_t points_of(const kernel::Kernel& kernel, const std::vector<int>& dims);
kernel::DimSet row_set(const kernel::Kernel& kernel);
std::vector<int> list(kernel::DimSet set);
kernel::DimSet set_of(const std::vector<int>& dims);
bool is_point_accumulator(const kernel::Kernel& kernel, kernel::NodeId node);  // else it counts once a row
kernel::DimSet kept(const kernel::Node& final_reduce);  // the dims that its accumulators differ along
std::vector<kernel::NodeId> final_reductions(const kernel::Kernel& kernel);
std::vector<kernel::NodeId> row_reductions(const kernel::Kernel& kernel, int stage);

// For kernels with row dims. `arrays`: the numbers that one copy of all accumulators of more than one number takes.
Nest row_nest(const kernel::Kernel& kernel, std::int64_t arrays);
// For a kernel without row dims that reduces to accumulators over `kept`. A row is `pack` neighbours along the last
// dim.
Nest column_nest(const kernel::Kernel& kernel, kernel::DimSet kept, int pack = 1);

// Neighbours along the last dim that a thread takes at once: 1, 4 or 8, so that what differs from point to point is
// moved 16 bytes at a time. Small operands, such as one number a channel, come from the caches: theirs do not count.
int pack_size(const kernel::Kernel& kernel);

// Hands out scratch, 256-byte aligned.
class Scratch {
 public:
  std::size_t take(std::int64_t numbers);
  std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_ = 0;
};

}  // namespace weft::cuda
