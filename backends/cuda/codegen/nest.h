// One launch over a nest: groups of threads walk rows, once per stage of row reductions. Internal to the emitter.
#pragma once

#include <string>
#include <vector>

#include "backends/cuda/codegen/job.h"

namespace weft::cuda {

// The work of one launch.
struct Pass {
  std::string function;
  int first_stage = 0, last_stage = 0;
  bool walks = true;                  // walks over the points of the rows
  bool stores = true;                 // in its last stage, stores and sums at points
  bool ends = true;                   // stores and sums once per row
  std::vector<Accumulator*> columns;  // arrays whose dims are the rows
};

void write_nest(Job& job, const Nest& nest, const Pass& pass);

}  // namespace weft::cuda
