// A graph as steps: kernels for fused ops, the library (or more kernels) for contractions, and where each finds its
// operands. What runs them is an Executor in this process, or an artefact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "backends/cpu/emit.h"
#include "backends/cpu/step.h"
#include "ir/graph.h"
#include "passes/kept_layouts.h"
#include "passes/plan.h"

namespace weft::cpu {

struct RecipeOptions {
  std::string prefix = {};  // of the kernels' names
  bool winograd = true;     // see library.h
  bool standalone = false;  // products and convolutions of f32 without oneDNN
};

class Recipe {
 public:
  // `graph` has static dims, and fuse and insert_copies have run. The steps lack addresses until `place`.
  Recipe(const ir::Graph& graph, const RecipeOptions& options);

  const std::vector<KernelSource>& kernels() const { return kernels_; }
  const std::vector<Step>& steps() const { return steps_; }
  ir::OpId op(std::size_t step) const { return ops_[step]; }  // kNone of a step that stems from none

  // Plans the memory of the steps, which need so much scratch, and gives them their addresses.
  void place(const std::vector<std::size_t>& scratch_bytes);
  std::size_t arena_bytes() const { return arena_bytes_; }
  const passes::Plan& plan() const { return plan_; }

 private:
  void add_op(ir::OpId id);
  void add_step(Work work, std::string name, std::vector<ir::ValueId> values, ir::OpId op);
  void relay(std::uint32_t input);
  void fill_gaps(ir::ValueId value);
  Work work_of(const ir::Op& op);
  KernelWork fused(const ir::Op& op);
  Work similarity(const ir::Op& op, SimilarityWork::Kind kind);
  MatmulWork matmul(const ir::Op& op) const;
  Work product(MatmulWork work, const ir::Op& op);
  Work columns(const Convolution& convolution, const ir::Op& op);
  OtherWork reference_work(const ir::Op& op) const;
  std::string kernel_name(const ir::Op& op) const;
  Address address(ir::ValueId value) const;

  const ir::Graph& graph_;
  RecipeOptions options_;
  passes::KeptLayouts kept_;
  passes::Plan plan_;
  std::vector<KernelSource> kernels_;
  std::vector<Step> steps_;
  std::vector<ir::OpId> ops_;                     // by step
  std::vector<std::vector<ir::ValueId>> values_;  // by step: whose memory it gets
  std::vector<bool> filled_;                      // by value
  std::map<std::uint32_t, std::size_t> relays_;   // by input: where its row-major copy lies
  std::size_t arena_bytes_ = 0;
};

}  // namespace weft::cpu
