// Chooses the entries and runs the passes that need no batch size.
#include "training/compile_model.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "ir/error.h"
#include "ir/text/suggest.h"
#include "passes/pipeline.h"
#include "training/step.h"

namespace weft::training {

namespace {

bool is_for_training(const std::string& entry) {
  return entry == kLossEntry || entry == kTestEntry || entry.starts_with("pretrain");
}

std::vector<std::string> chosen_entries(const ir::Module& module, const std::vector<std::string>& asked) {
  std::vector<std::string> known = {kTrainStepEntry}, all;
  for (const ir::Graph& graph : module.graphs) {
    known.push_back(graph.name);
    if (!is_for_training(graph.name)) all.push_back(graph.name);
  }
  for (const std::string& name : asked)
    if (std::ranges::find(known, name) == known.end())
      fail("model {} has no entry {}{}", module.name, name, did_you_mean(name, known));
  if (asked.empty() && all.empty())
    fail("model {} has only entries for training; name one with --entry: {}", module.name, fmt::join(known, ", "));
  std::vector<std::string> chosen = asked.empty() ? all : asked;
  std::ranges::stable_partition(chosen, [](const std::string& name) { return name == kTrainStepEntry; });
  return chosen;
}

}  // namespace

aot::Compiled compile_model(const ir::Module& module, const std::optional<aot::Weights>& weights,
                            const aot::Options& options) {
  std::vector<aot::EntryGraph> entries;
  for (const std::string& name : chosen_entries(module, options.entries)) {
    passes::Context context;
    context.contrastive = options.contrastive;
    const bool trains = name == kTrainStepEntry;
    entries.push_back({name,
                       trains ? training_step(module, options.optimizer, context, {}, ir::DType::u8, Feeding::batch)
                              : passes::run_passes(std::make_shared<const ir::Graph>(entry_of(module, name)),
                                                   passes::forward_pipeline(), context),
                       trains});
  }
  return aot::compile(module, entries, weights, options);
}

}  // namespace weft::training
