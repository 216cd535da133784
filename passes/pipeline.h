// The order of the passes, and running them: each pipeline is a list of names.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "passes/passes.h"
#include "passes/update.h"

namespace weft::passes {

const std::vector<Pass>& all_passes();
const Pass* find_pass(std::string_view name);  // nullptr where there is none

// From a forward graph with the output `loss` to its gradients; `update` makes a training step of those.
const std::vector<std::string>& gradient_pipeline();
// What an entry passes through that is run as it is, without gradients.
const std::vector<std::string>& forward_pipeline();
// What of a compilation decides which passes run.
struct PipelineOptions {
  bool bf16 = false;  // operands of matmuls and convolutions in bf16
};
// From any graph, bound, to fused kernels: what every backend compiles.
std::vector<std::string> compile_pipeline(const PipelineOptions& options = {});
// From an entry to the ops that other programs' formats have; no dim needs to be bound.
const std::vector<std::string>& export_pipeline();

// What to tell of each pass: its name, the graph after it (the same pointer where nothing changed) and its seconds.
using Observe = std::function<void(const std::string& name, const GraphPtr& graph, double seconds)>;

// Runs the passes in order. Error, with the nearest names, for a name that is none.
GraphPtr run_passes(GraphPtr graph, const std::vector<std::string>& names, Context& context,
                    const Observe& observe = {});

// One training step from an entry that computes `loss`: forward, backward, optimizer. Batch-polymorphic where the
// entry is.
GraphPtr training_step(const GraphPtr& loss_entry, const OptimizerSpec& spec, Context& context,
                       const Observe& observe = {});

}  // namespace weft::passes
