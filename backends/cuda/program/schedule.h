// The cuda backend's steps: source for fused ops, libraries for contractions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "backends/cuda/program/source.h"
#include "backends/program/schedule.h"

namespace weft::cuda {

class Schedule final : public weft::Schedule {
 public:
  // `graph` has static dims and has been through the passes for `target` (program.h). `tf32`: library calls may round
  // their operands to TF32. Throws Error, with op and line, for an op without code.
  Schedule(const ir::Graph& graph, bool tf32);

  const std::string& source() const { return source_; }  // one translation unit; empty without kernels
  int kernels() const { return int(made_.size()); }

 private:
  void add_relayout(std::uint32_t input) override;
  void add_op(ir::OpId id) override;
  void add_kernel(const OpKernel& made, std::vector<ir::ValueId> values);
  void add_contraction(ir::OpId id);

  bool tf32_;
  std::vector<OpKernel> made_;
  std::size_t next_ = 0;  // of them, to be added
  std::string source_;
};

}  // namespace weft::cuda
