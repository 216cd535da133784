// The training graphs of a model. `Session` compiles them; `weft dump` and `weft plan` show them.
#pragma once

#include "ir/graph.h"
#include "passes/pipeline.h"
#include "training/feed.h"

namespace weft::training {

inline constexpr const char* kLossEntry = "loss";  // outputs: the scalar `loss`, and other scalar metrics
inline constexpr const char* kTestEntry = "test";  // the same outputs, for evaluation; default: `loss`

// The entry. If it is missing, throws Error with the nearest names.
const ir::Graph& entry_of(const ir::Module& module, std::string_view name);

// The entry, fed (training/feed.h) from a data set whose samples have this type.
ir::GraphPtr fed_entry(const ir::Module& module, std::string_view name, ir::DType samples = ir::DType::u8,
                       Feeding feeding = Feeding::table);

// The fed loss entry after the passes that turn it into a training step. `context` receives their notes, `observe` the
// graph after each pass.
ir::GraphPtr training_step(const ir::Module& module, const passes::OptimizerSpec& optimizer, passes::Context& context,
                           const passes::Observe& observe = {}, ir::DType samples = ir::DType::u8,
                           Feeding feeding = Feeding::table);

// The entry that evaluates the model: `test`, or `loss` without it.
const char* evaluated_entry(const ir::Module& module);

// That entry, fed; forward only.
ir::GraphPtr evaluation(const ir::Module& module, ir::DType samples = ir::DType::u8);

}  // namespace weft::training
