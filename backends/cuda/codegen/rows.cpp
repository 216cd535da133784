// Selects the passes of a kernel with rows.
#include <algorithm>

#include "backends/cuda/codegen/nest.h"

namespace weft::cuda {

using kernel::Kernel;
using kernel::Level;
using kernel::NodeId;

namespace {

bool has_ends(const Kernel& kernel) {
  const auto reductions = row_reductions(kernel, kernel.row_stages);
  const auto accumulators = final_reductions(kernel);
  return !reductions.empty() || std::any_of(kernel.stores.begin(), kernel.stores.end(), [](const kernel::Store& store) {
    return store.level == Level::row;
  }) || std::any_of(accumulators.begin(), accumulators.end(), [&](NodeId id) { return !counts_at_points(kernel, id); });
}

// Rows are split among blocks: one launch per stage, because each stage needs the whole rows of the previous one.
void write_split_rows(Job& job, const Nest& nest) {
  const Kernel& kernel = job.kernel;
  for (int stage = 0; stage <= kernel.row_stages; ++stage)
    for (const NodeId id : row_reductions(kernel, stage))
      job.split_reductions.push_back({id, nest.splits, job.scratch.take(nest.splits * nest.rows)});
  const std::string name = identifier(kernel.name);
  for (int stage = 0; stage <= kernel.row_stages; ++stage) {
    const bool is_last = stage == kernel.row_stages;
    Pass pass{is_last ? name : fmt::format("{}_stage{}", name, stage), stage, stage, true, is_last, false, {}};
    write_nest(job, nest, pass);
  }
  if (!has_ends(kernel)) return;
  Nest ends = nest;
  ends.group = 1;
  ends.neighbours = false;
  ends.rows_per_block = 128;
  ends.splits = 1;
  ends.row_blocks = ends.blocks = ceil_div(nest.rows, ends.rows_per_block);
  write_nest(job, ends, {name + "_rows", kernel.row_stages, kernel.row_stages, false, false, true, {}});
}

}  // namespace

void write_rows(Job& job) {
  std::int64_t arrays = 0;
  for (const Accumulator& each : job.accumulators)
    if (each.extent > 1) arrays += each.extent;
  const Nest nest = row_nest(job.kernel, arrays);
  if (nest.splits > 1) {
    write_split_rows(job, nest);
    return;
  }
  write_nest(job, nest, {identifier(job.kernel.name), 0, job.kernel.row_stages, true, true, true, {}});
}

}  // namespace weft::cuda
