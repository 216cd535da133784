// A graph as steps on a device: source for fused ops, the libraries for contractions, and where each finds its
// operands. What runs it is an Executor in this process, or an artefact.
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
  // `graph` has static dims, and the passes for `target` (program.h) have run. `tf32`: library calls may round their
  // operands to it. The steps lack addresses until `place`. Throws Error, with op and line, for an op without code.
  Schedule(const ir::Graph& graph, bool tf32);

  const std::string& source() const { return source_; }  // one translation unit; empty where there are no kernels
  int kernels() const { return kernels_; }
  const std::vector<Step>& steps() const { return steps_; }
  ir::OpId op(std::size_t step) const { return ops_[step]; }  // kNone of a step that stems from none
  // The step's op with its place in the user's model, its type and bytes, and what is to be said of it.
  std::string described(std::size_t step, const std::string& what) const;

  // Plans the memory of the steps, which need so much scratch, and gives them their addresses.
  void place(const std::vector<std::size_t>& scratch_bytes);
  std::size_t arena_bytes() const { return arena_bytes_; }
  const passes::Plan& plan() const { return plan_; }
  // What takes most of the memory, for the Error where there is too little of it.
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
