// The order of the passes, as lists of names, and functions that run them.
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
const Pass* find_pass(std::string_view name);  // nullptr if there is none

// From a forward graph with the output `loss` to its gradients; `update` then makes a training step.
const std::vector<std::string>& gradient_pipeline();
// For an entry without gradients.
const std::vector<std::string>& forward_pipeline();
// Options that decide which passes run.
struct PipelineOptions {
  bool bf16 = false;  // operands of matmuls and convolutions in bf16
};
// From any bound graph to fused kernels, which every backend compiles.
std::vector<std::string> compile_pipeline(const PipelineOptions& options = {});
// From an entry to ops that exchange formats support; dims need not be bound.
const std::vector<std::string>& export_pipeline();

// Called after each pass with its name, the resulting graph (the same pointer if unchanged) and its seconds.
using Observe = std::function<void(const std::string& name, const GraphPtr& graph, double seconds)>;

// Runs the passes in order. Throws Error with the nearest names for an unknown name.
GraphPtr run_passes(GraphPtr graph, const std::vector<std::string>& names, Context& context,
                    const Observe& observe = {});

// One training step from an entry that computes `loss`: forward, backward, optimizer. The batch stays a symbol if the
// entry's is.
GraphPtr training_step(const GraphPtr& loss_entry, const OptimizerSpec& spec, Context& context,
                       const Observe& observe = {});

}  // namespace weft::passes
