// The training loop: epochs over a shuffled data set, learning rate, validation, final test and interruption. It uses
// no files; training/runs/run.h connects it to a run directory.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "ir/error.h"
#include "training/data/dataset.h"
#include "training/session.h"

namespace weft::training {

// The schedule of the learning rate: it rises linearly over the warm-up, then stays constant or falls to 0 along half a
// cosine.
struct Schedule {
  enum class Kind : std::uint8_t { constant, cosine };
  Kind kind = Kind::constant;
  double warmup_epochs = 0;
};

struct TrainOptions {
  std::int64_t epochs = 10;  // of the whole run, including those before a resume
  Schedule schedule;
  double beta_warmup_epochs = 0;     // the model's hyper `beta` rises over these epochs
  std::int64_t pretrain_epochs = 0;  // of each layer, before training (training/pretrain.h)
  double checkpoint_minutes = 5;     // between checkpoints within an epoch; 0: only at the end of epochs
};

// The number of batches; the last may be smaller.
std::int64_t steps_in(std::int64_t samples, std::int64_t batch);

// `step` counts from 0.
double learning_rate(const Schedule& schedule, double base, std::uint64_t step, std::uint64_t steps_per_epoch,
                     std::uint64_t steps);

// The weight of the KL in a step's loss: it rises linearly to `base` over the warm-up. Evaluation always uses `base`.
double warmed_beta(double warmup_epochs, double base, std::uint64_t step, std::uint64_t steps_per_epoch);

// Progress after a step. Epochs and steps count from 1.
struct Progress {
  std::int64_t epoch = 0;
  std::int64_t epochs = 0;
  std::uint64_t step = 0;   // of the run
  std::uint64_t steps = 0;  // in the whole run
  double loss = 0;          // mean over the epoch so far
  double images_per_second = 0;
  std::int64_t layer = 0;  // in pre-training: the layer, from 1
};

struct EpochResult {
  std::int64_t epoch = 0;
  std::uint64_t step = 0;
  Metrics train;       // means over the epoch's images, each measured at its step
  Metrics validation;  // empty without validation samples
  double images_per_second = 0;
  std::int64_t layer = 0;  // in pre-training: the layer, from 1
};

// The position of a run in its epochs; neither session nor options hold it.
struct Position {
  std::int64_t epochs_done = 0;
  std::int64_t images_done = 0;  // in the current epoch
  std::vector<double> sums;      // of each metric over these images
  std::int64_t pretrained = 0;   // number of pre-trained layers
};

// The loop calls these; each may be empty.
struct TrainHooks {
  std::function<void(const Progress&)> progress;
  std::function<void(const EpochResult&)> measured;  // before the checkpoint at the epoch's end
  // Called with a state to resume from: after each epoch, every options.checkpoint_minutes, and when a run is stopped.
  std::function<void(const Position&)> checkpoint;
  std::function<void(const EpochResult&)> epoch;  // after that checkpoint: a reported epoch is saved
  const std::atomic<bool>* stop = nullptr;        // if true, the loop ends after the current step
};

struct Outcome {
  bool interrupted = false;
  std::int64_t epochs = 0;
  std::uint64_t steps = 0;
  double seconds = 0;            // of this call, including evaluations
  double images_per_second = 0;  // of training only
  Metrics test;                  // empty if interrupted or without test samples
};

// `train` throws this if a metric or param is not finite. The message names the step, the value and what to try.
class Diverged : public Error {
 public:
  using Error::Error;
};

// Throws Error if the model learns from labels and the data has one class, or if a batch of training, validation or
// test holds fewer samples than the model needs (batch norm and NT-Xent need two). Usually that is the last batch,
// which holds the remaining samples. `train` checks this too.
void check_fits(const ir::Module& module, std::int64_t batch, const DatasetSplits& data);

// Trains from `position`. The order of an epoch is a function of seed and epoch, so a resumed run gives the same bits
// as an uninterrupted one. Throws Diverged, without a checkpoint of the diverged state. Throws Error if the position
// does not match the data and the batch size.
Outcome train(Session& session, const DatasetSplits& data, const TrainOptions& options, const TrainHooks& hooks = {},
              Position position = {});

}  // namespace weft::training
