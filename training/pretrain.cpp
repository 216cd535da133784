// Trains the layers of a stack one by one, each in its own session.
#include "training/pretrain.h"

#include <string>

#include "ir/error.h"
#include "training/step.h"

namespace weft::training {

namespace {

std::string entry_of_layer(std::int64_t layer) { return fmt::format("pretrain{}", layer); }

// A model whose loss is the loss of one layer.
ir::Module layer_alone(const ir::Module& module, std::int64_t layer) {
  ir::Module alone{module.name, {entry_of(module, entry_of_layer(layer))}};
  alone.graphs.front().name = kLossEntry;
  return alone;
}

bool pretrain_layer(Session& session, const DatasetSplits& data, const TrainOptions& options,
                    const PretrainHooks& hooks, std::int64_t layer, const StoppedLayer* stopped) {
  Session alone(layer_alone(session.module(), layer), session.options());
  if (stopped) {
    alone.restore(stopped->session, stopped->path);
  } else {
    alone.take_weights(session);
  }
  TrainHooks train_hooks;
  train_hooks.stop = hooks.stop;
  train_hooks.progress = [&](Progress progress) {
    progress.layer = layer;
    if (hooks.progress) hooks.progress(progress);
  };
  const auto of_layer = [layer](const std::function<void(const EpochResult&)>& hook) {
    return [layer, &hook](EpochResult result) {
      result.layer = layer;
      if (hook) hook(result);
    };
  };
  train_hooks.measured = of_layer(hooks.measured);
  train_hooks.epoch = of_layer(hooks.epoch);
  if (hooks.checkpoint) train_hooks.checkpoint = [&](const Position& position) { hooks.checkpoint(alone, position); };
  if (train(alone, data, options, train_hooks, stopped ? stopped->position : Position{}).interrupted) return false;
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
              std::int64_t done, const std::optional<StoppedLayer>& stopped) {
  check_pretraining(session.module());
  const std::int64_t layers = pretraining_layers(session.module());
  TrainOptions of_layer;
  of_layer.epochs = options.pretrain_epochs;
  of_layer.schedule = options.schedule;
  of_layer.checkpoint_minutes = options.checkpoint_minutes;
  for (std::int64_t layer = done + 1; layer <= layers; ++layer) {
    const bool is_stopped = stopped && layer == done + 1;
    if (!pretrain_layer(session, data, of_layer, hooks, layer, is_stopped ? &*stopped : nullptr)) return false;
    if (hooks.finished) hooks.finished(layer);
  }
  return true;
}

}  // namespace weft::training
