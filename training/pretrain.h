// Greedy layer-wise pre-training (Hinton et al. 2006; Bengio et al. 2007): trains the entries `pretrain1`, `pretrain2`,
// ... of a model in turn. Each starts from the params that the earlier ones trained.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "training/data/dataset.h"
#include "training/session.h"
#include "training/trainer.h"

namespace weft::training {

// The number of these entries in a model.
std::int64_t pretraining_layers(const ir::Module& module);
// Throws Error if it has none.
void check_pretraining(const ir::Module& module);

// The hooks of training, for each layer in turn.
struct PretrainHooks {
  std::function<void(const Progress&)> progress;
  std::function<void(const EpochResult&)> measured;
  std::function<void(const Session& layer, const Position& position)> checkpoint;  // of the current layer
  std::function<void(const EpochResult&)> epoch;
  std::function<void(std::int64_t layer)> finished;  // the session now holds the layer's weights
  const std::atomic<bool>* stop = nullptr;
};

// An interrupted layer: its own session as saved by Session::save, and its position.
struct StoppedLayer {
  runtime::TensorFile session;
  std::filesystem::path path;  // the checkpoint that holds it, for error messages
  Position position;
};

// Trains each layer after the first `done` for options.pretrain_epochs epochs, with the session's optimizer, moments
// starting at 0, and the options' schedule. The session takes the weights of each finished layer; its step count
// excludes pre-training. `stopped`: where the layer after `done` resumes. Returns false if stopped; resuming from the
// last checkpoint then gives the same bits as an uninterrupted run.
bool pretrain(Session& session, const DatasetSplits& data, const TrainOptions& options, const PretrainHooks& hooks,
              std::int64_t done, const std::optional<StoppedLayer>& stopped = {});

}  // namespace weft::training
