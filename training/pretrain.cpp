// Trains the layers of a stack one by one, each in a session of its own.
#include "training/pretrain.h"

#include <string>

#include "ir/error.h"
#include "training/step.h"

namespace weft::training {

namespace {

std::string entry_of_layer(std::int64_t layer) { return fmt::format("pretrain{}", layer); }

// A model whose loss is that of one layer.
ir::Module layer_alone(const ir::Module& module, std::int64_t layer) {
  ir::Module alone{module.name, {entry_of(module, entry_of_layer(layer))}};
  alone.graphs.front().name = loss_entry;
  return alone;
}

bool pretrain_layer(Session& session, const DatasetSplits& data, const TrainOptions& options,
                    const PretrainHooks& hooks, std::int64_t layer) {
  Session alone(layer_alone(session.module(), layer), session.options());
  alone.take_weights(session);
  TrainHooks train_hooks;
  train_hooks.stop = hooks.stop;
  train_hooks.progress = [&](Progress progress) {
    progress.layer = layer;
    if (hooks.progress) hooks.progress(progress);
  };
  train_hooks.epoch = [&](EpochResult result) {
    result.layer = layer;
    if (hooks.epoch) hooks.epoch(result);
  };
  if (train(alone, data, options, train_hooks).interrupted) return false;
  session.take_weights(alone);
  return true;
}

}  // namespace

std::int64_t pretraining_layers(const ir::Module& module) {
  std::int64_t layers = 0;
  while (module.find(entry_of_layer(layers + 1))) ++layers;
  return layers;
}

void check_pretraining(const ir::Module& module) {
  if (pretraining_layers(module) == 0)
    fail("the model {} has no layers to pre-train: it lacks an entry {}", module.name, entry_of_layer(1));
}

bool pretrain(Session& session, const DatasetSplits& data, const TrainOptions& options, const PretrainHooks& hooks,
              std::int64_t done) {
  check_pretraining(session.module());
  const std::int64_t layers = pretraining_layers(session.module());
  TrainOptions of_layer;
  of_layer.epochs = options.pretrain_epochs;
  of_layer.schedule = options.schedule;
  for (std::int64_t layer = done + 1; layer <= layers; ++layer) {
    if (!pretrain_layer(session, data, of_layer, hooks, layer)) return false;
    if (hooks.finished) hooks.finished(layer);
  }
  return true;
}

}  // namespace weft::training
