// A graph as steps on a device: source for fused ops, libraries for contractions, and where each finds its operands. An
// Executor of this process or an artefact runs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "backends/cuda/program/source.h"
#include "backends/cuda/program/step.h"
#include "ir/graph.h"
#include "passes/layout/kept_layouts.h"
#include "passes/plan/plan.h"

namespace weft::cuda {

class Schedule {
 public:
  // `graph` has static dims and has been through the passes for `target` (program.h). `tf32`: library calls may round
  // their operands to TF32. The steps lack addresses until `place`. Throws Error, with op and line, for an op without
  // code.
  Schedule(const ir::Graph& graph, bool tf32);

  const std::string& source() const { return source_; }  // one translation unit; empty without kernels
  int kernels() const { return kernels_; }
  const std::vector<Step>& steps() const { return steps_; }
  ir::OpId op(std::size_t step) const { return ops_[step]; }  // kNone if the step comes from no op
  // The step's op with its location in the user's model, its type and bytes, followed by `what`.
  std::string described(std::size_t step, const std::string& what) const;

  // Plans the memory of the steps, given their scratch, and sets their addresses.
  void place(const std::vector<std::size_t>& scratch_bytes);
  std::size_t arena_bytes() const { return arena_bytes_; }
  const passes::Plan& plan() const { return plan_; }
  // The largest user of memory, for the out-of-memory Error.
  std::string largest() const;

 private:
  void add_step(StepBody body, std::string name, std::vector<ir::ValueId> values, ir::OpId op);
  void add_kernel(const OpKernel& made);
  void add_contraction(ir::OpId id);
  void fill_gaps(ir::ValueId value);
  Address address(ir::ValueId value) const;
  std::string described(const ir::Op& op, const std::string& what) const;

  const ir::Graph& graph_;
  bool tf32_;
  passes::KeptLayouts kept_;
  passes::Plan plan_;
  std::string source_;
  int kernels_ = 0;
  std::vector<Step> steps_;
  std::vector<ir::OpId> ops_;                       // by step
  std::vector<std::vector<ir::ValueId>> values_;    // by step: whose memory it gets
  std::vector<std::int64_t> last_offsets_;          // by step: in bytes, of the last of its values
  std::vector<bool> filled_;                        // by value
  std::map<std::uint32_t, std::size_t> relayouts_;  // by input: where its row-major copy lies
  std::size_t arena_bytes_ = 0;
};

}  // namespace weft::cuda
