// Compiles entries of a model, and its training step, ahead of time.
#pragma once

#include <optional>

#include "backends/aot/compile.h"
#include "ir/graph.h"

namespace weft::training {

// The training step as an entry. Its inputs are a batch of samples as bytes, and labels if the model has them; its
// outputs are the metrics. It updates the state in place.
inline constexpr const char* kTrainStepEntry = "train_step";

// Throws Error if the model cannot be compiled for an entry or batch, or if the weights belong to another model.
aot::Compiled compile_model(const ir::Module& module, const std::optional<aot::Weights>& weights,
                            const aot::Options& options);

}  // namespace weft::training
