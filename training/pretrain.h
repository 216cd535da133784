// Greedy layer-wise pre-training (Hinton et al. 2006; Bengio et al. 2007): the entries `pretrain1`, `pretrain2`, ... of
// a model are trained in turn, each alone, and hand on the params they share with those after them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "training/data/dataset.h"
#include "training/session.h"
#include "training/trainer.h"

namespace weft::training {

// How many of those entries a model has.
std::int64_t pretraining_layers(const ir::Module& module);
// Throws Error where it has none.
void check_pretraining(const ir::Module& module);

// As the hooks of training, for one layer after the other.
struct PretrainHooks {
  std::function<void(const Progress&)> progress;
  std::function<void(const EpochResult&)> measured;
  std::function<void(const Session& layer, const Position& position)> checkpoint;  // of the layer under way
  std::function<void(const EpochResult&)> epoch;
  std::function<void(std::int64_t layer)> finished;  // the session holds the layer's weights
  const std::atomic<bool>* stop = nullptr;
};

// A layer that was stopped: what Session::save gave of its own session, and where it stood.
struct StoppedLayer {
  runtime::TensorFile session;
  std::filesystem::path path;  // of the checkpoint it comes from, for errors
  Position position;
};

// Trains each layer after the first `done` for options.pretrain_epochs epochs, with the optimizer of the session, from
// its moments at 0, and on the schedule of the options; the session, whose steps do not count these, takes the weights
// over as a layer is finished. `stopped`: where the layer after `done` goes on. False where it was stopped; going on
// from its last checkpoint gives bitwise the result of a run that was not stopped.
bool pretrain(Session& session, const DatasetSplits& data, const TrainOptions& options, const PretrainHooks& hooks,
              std::int64_t done, const std::optional<StoppedLayer>& stopped = {});

}  // namespace weft::training
