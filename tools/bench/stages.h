// A model at each stage of the compiler, from the graph as written to machine code: what `weft dump`, `plan` and
// `bench` look at.
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
  bool contrastive = true;               // whether the pass of that name runs
  Precision precision = Precision::f32;  // from the stage fused on, of a program for a GPU
};

// In order: graph, differentiated, updated, fused, planned, program, kernels, llvm, asm; beside these three, cuda.
const std::vector<std::string>& stage_names();

// The text of a stage. Notes of the passes are appended to `notes`. Throws Error where the entry does not pass through
// that stage (only a training step is differentiated), or the build lacks the backend that makes it.
std::string dump_stage(const ir::Module& module, const std::string& stage, const StageOptions& options,
                       std::vector<passes::Note>& notes);

// What is compiled: the training step, or the entry, still batch-polymorphic.
ir::GraphPtr graph_to_compile(const ir::Module& module, const StageOptions& options, passes::Context& context,
                              const passes::Observe& observe = {});
// A number for each symbol of that graph. The data set has as many samples as the built-in one.
ir::Bindings bindings_for(const ir::Graph& graph, std::int64_t batch);
// The same graph with fused ops and places for all values: what `make_plan` takes.
ir::GraphPtr graph_to_plan(const ir::GraphPtr& graph, std::int64_t batch, passes::Context& context,
                           Precision precision = Precision::f32);

}  // namespace weft::tools
