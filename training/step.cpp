// Feeds a model's entries and runs the passes that turn a loss into a training step.
#include "training/step.h"

#include "ir/error.h"
#include "ir/text/suggest.h"

namespace weft::training {

using ir::GraphPtr;

const ir::Graph& entry_of(const ir::Module& module, std::string_view name) {
  if (const ir::Graph* graph = module.find(name)) return *graph;
  std::vector<std::string> names;
  for (const ir::Graph& graph : module.graphs) names.push_back(graph.name);
  fail("model {} has no entry {}{}", module.name, name, did_you_mean(name, names));
}

GraphPtr fed_entry(const ir::Module& module, std::string_view name, ir::DType samples, Feeding feeding) {
  return feed(std::make_shared<const ir::Graph>(entry_of(module, name)), samples, feeding);
}

GraphPtr training_step(const ir::Module& module, const passes::OptimizerSpec& optimizer, passes::Context& context,
                       const passes::Observe& observe, ir::DType samples, Feeding feeding) {
  return passes::training_step(fed_entry(module, kLossEntry, samples, feeding), optimizer, context, observe);
}

const char* evaluated_entry(const ir::Module& module) { return module.find(kTestEntry) ? kTestEntry : kLossEntry; }

GraphPtr evaluation(const ir::Module& module, ir::DType samples) {
  return fed_entry(module, evaluated_entry(module), samples);
}

}  // namespace weft::training
