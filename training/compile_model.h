// A model compiled ahead of time: which of its entries, and the training step as one of them.
#pragma once

#include <optional>

#include "backends/aot/compile.h"
#include "ir/graph.h"

namespace weft::training {

// The training step as an entry: one batch of samples as bytes, and labels where the model has them, in; what steps
// measure out. State is updated in place.
inline constexpr const char* kTrainStepEntry = "train_step";

// Throws Error for an entry or batch that the model cannot be compiled for, and for weights of another model.
aot::Compiled compile_model(const ir::Module& module, const std::optional<aot::Weights>& weights,
                            const aot::Options& options);

}  // namespace weft::training
