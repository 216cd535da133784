// Plans one launch over a nest: what it computes at the points of a row, what it sums and where a row's share
// accumulates, and which values stay in registers. Internal to the emitter.
#pragma once

#include <map>
#include <vector>

#include "backends/cuda/codegen/nest.h"

namespace weft::cuda {

// An accumulator and where a row's share accumulates.
struct Sum {
  Accumulator* accumulator;
  bool at_point;
  enum { single, column, array_of_points, array_of_rows, array_of_parts } form;
};

struct NestWork {
  // Gives the accumulators copies and scratch; a nest that sums arrays in parts gets no turns.
  NestWork(Job& job, Nest& nest, const Pass& pass);

  std::vector<Sum> sums;
  std::map<kernel::NodeId, int> kept;  // values that a later stage needs again, by node -> the stage that computes them

  std::vector<kernel::NodeId> point_roots(int stage) const;
  std::vector<const kernel::Store*> stores(kernel::Level level) const;

 private:
  void choose_sums(Nest& nest);
  void choose_kept(int turns);
  void choose_kept(kernel::NodeId id, int stage, int turns, std::vector<int>& first, std::vector<bool>& seen);

  Job& job_;
  const kernel::Kernel& kernel_;
  const Pass& pass_;
  kernel::DimSet inner_;
};

}  // namespace weft::cuda
