// A model at each stage of the compiler, from the original graph to machine code, for `weft dump`, `plan` and `bench`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backends/compile.h"
#include "ir/graph.h"
#include "passes/pipeline.h"

namespace weft::tools {

struct StageOptions {
  std::string entry;  // empty: the training step
  std::int64_t batch = 128;
  passes::OptimizerSpec optimizer;
  bool contrastive = true;               // whether pass contrastive runs
  Precision precision = Precision::f32;  // from stage fused on, for a GPU program
};

// In order: graph, differentiated, updated, fused, planned, program, kernels, llvm, asm; and cuda, as an alternative to
// the last three.
const std::vector<std::string>& stage_names();

// The text of a stage. Appends the passes' notes to `notes`. Throws Error if the entry does not have the stage (only a
// training step is differentiated), or the build lacks the backend.
std::string dump_stage(const ir::Module& module, const std::string& stage, const StageOptions& options,
                       std::vector<passes::Note>& notes);

// The graph to compile: the training step or the entry; the batch is still a symbol.
ir::GraphPtr graph_to_compile(const ir::Module& module, const StageOptions& options, passes::Context& context,
                              const passes::Observe& observe = {});
// Sizes for each symbol of that graph. The data set has as many samples as the built-in one.
ir::Bindings bindings_for(const ir::Graph& graph, std::int64_t batch);
// The same graph after fusion and copies, ready for `make_plan`.
ir::GraphPtr graph_to_plan(const ir::GraphPtr& graph, std::int64_t batch, passes::Context& context,
                           Precision precision = Precision::f32);

}  // namespace weft::tools
