// The graphs of training, made from a model's entries: what `Session` compiles, and `weft dump` and `weft plan` show.
#pragma once

#include "ir/graph.h"
#include "passes/pipeline.h"
#include "training/feed.h"

namespace weft::training {

inline constexpr const char* kLossEntry = "loss";  // outputs: the scalar `loss`, and scalars to watch beside it
inline constexpr const char* kTestEntry = "test";  // the same outputs as a test measures them; without it, `loss` does

// The entry, or an Error that names the near ones.
const ir::Graph& entry_of(const ir::Module& module, std::string_view name);

// The entry fed (training/feed.h): its batch comes from a data set whose samples are of this type.
ir::GraphPtr fed_entry(const ir::Module& module, std::string_view name, ir::DType samples = ir::DType::u8,
                       Feeding feeding = Feeding::table);

// The loss entry fed, then through the passes that make one whole training step of it. `context` receives their notes,
// `observe` the graph after each.
ir::GraphPtr training_step(const ir::Module& module, const passes::OptimizerSpec& optimizer, passes::Context& context,
                           const passes::Observe& observe = {}, ir::DType samples = ir::DType::u8,
                           Feeding feeding = Feeding::table);

// The entry that measures the model: `test`, or `loss` where there is none.
const char* evaluated_entry(const ir::Module& module);

// That entry fed: forward alone.
ir::GraphPtr evaluation(const ir::Module& module, ir::DType samples = ir::DType::u8);

}  // namespace weft::training
