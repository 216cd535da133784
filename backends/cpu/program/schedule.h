// A graph as steps: kernels for fused ops, oneDNN (or more kernels) for contractions, and where each finds its
// operands. An Executor of this process or an artefact runs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "backends/cpu/codegen/emit.h"
#include "backends/cpu/program/step.h"
#include "ir/graph.h"
#include "passes/layout/kept_layouts.h"
#include "passes/plan/plan.h"

namespace weft::cpu {

struct ScheduleOptions {
  std::string prefix = {};  // prefix of the kernels' names
  bool winograd = true;     // see onednn.h
  bool standalone = false;  // matmuls and convolutions of f32 without oneDNN
};

class Schedule {
 public:
  // `graph` has static dims and has been through fuse and copies. The steps lack addresses until `place`.
  Schedule(const ir::Graph& graph, const ScheduleOptions& options);

  const std::vector<KernelSource>& kernels() const { return kernels_; }
  const std::vector<Step>& steps() const { return steps_; }
  ir::OpId op(std::size_t step) const { return ops_[step]; }  // kNone if the step comes from no op

  // Plans the memory of the steps, given their scratch, and sets their addresses.
  void place(const std::vector<std::size_t>& scratch_bytes);
  std::size_t arena_bytes() const { return arena_bytes_; }
  const passes::Plan& plan() const { return plan_; }

 private:
  void add_op(ir::OpId id);
  void add_step(StepBody body, std::string name, std::vector<ir::ValueId> values, ir::OpId op);
  void relayout(std::uint32_t input);
  void fill_gaps(ir::ValueId value);
  StepBody body_of(const ir::Op& op);
  KernelStep fused(const ir::Op& op);
  StepBody similarity(const ir::Op& op, SimilarityStep::Kind kind);
  MatmulStep matmul(const ir::Op& op) const;
  StepBody product(MatmulStep body, const ir::Op& op);
  StepBody columns(const Convolution& convolution, const ir::Op& op);
  CustomStep reference_step(const ir::Op& op) const;
  std::string kernel_name(const ir::Op& op) const;
  Address address(ir::ValueId value) const;

  const ir::Graph& graph_;
  ScheduleOptions options_;
  passes::KeptLayouts kept_;
  passes::Plan plan_;
  std::vector<KernelSource> kernels_;
  std::vector<Step> steps_;
  std::vector<ir::OpId> ops_;                       // by step
  std::vector<std::vector<ir::ValueId>> values_;    // by step: whose memory it gets
  std::vector<bool> filled_;                        // by value
  std::map<std::uint32_t, std::size_t> relayouts_;  // by input: where its row-major copy lies
  std::size_t arena_bytes_ = 0;
};

}  // namespace weft::cpu
