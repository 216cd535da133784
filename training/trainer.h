// The training loop: epochs over a shuffled data set, the learning rate, validation, the last test, and the ways a run
// ends. Knows no files; training/runs/run.h joins it to a run directory.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "ir/error.h"
#include "training/data/dataset.h"
#include "training/session.h"

namespace weft::training {

// The learning rate of a step, from the optimizer's: risen in equal parts over the warm-up, then constant, or fallen to
// 0 along half a cosine by the last step.
struct Schedule {
  enum class Kind : std::uint8_t { constant, cosine };
  Kind kind = Kind::constant;
  double warmup_epochs = 0;
};

struct TrainOptions {
  std::int64_t epochs = 10;  // of the whole run, those before a resume included
  Schedule schedule;
  double beta_warmup_epochs = 0;     // the hyper `beta` of the model rises for so long first
  std::int64_t pretrain_epochs = 0;  // of each layer before, training/pretrain.h
  double checkpoint_minutes = 5;     // between checkpoints within an epoch; 0: at the ends of epochs alone
};

// Batches of samples, the last one maybe smaller.
std::int64_t steps_in(std::int64_t samples, std::int64_t batch);

// `step` counts from 0.
double learning_rate(const Schedule& schedule, double base, std::uint64_t step, std::uint64_t steps_per_epoch,
                     std::uint64_t steps);

// The weight of the KL in a step's loss: risen from near 0 to `base` in equal parts over the warm-up. An evaluation
// always takes the whole.
double warmed_beta(double warmup_epochs, double base, std::uint64_t step, std::uint64_t steps_per_epoch);

// After a step. Numbers of epochs and steps count from 1.
struct Progress {
  std::int64_t epoch = 0;
  std::int64_t epochs = 0;
  std::uint64_t step = 0;   // of the run
  std::uint64_t steps = 0;  // the run has
  double loss = 0;          // mean over the epoch so far
  double images_per_second = 0;
  std::int64_t layer = 0;  // in pre-training the layer, from 1
};

struct EpochResult {
  std::int64_t epoch = 0;
  std::uint64_t step = 0;
  Metrics train;       // means over the epoch's images, each at its own step
  Metrics validation;  // empty where the data set holds none out
  double images_per_second = 0;
  std::int64_t layer = 0;  // in pre-training the layer, from 1
};

// What of a run is neither in the session nor in the options: where in an epoch it stands.
struct Position {
  std::int64_t epochs_done = 0;
  std::int64_t images_done = 0;  // of the epoch under way
  std::vector<double> sums;      // over those, of each metric
  std::int64_t pretrained = 0;   // layers whose pre-training is done
};

// Called by the loop; each may be empty.
struct TrainHooks {
  std::function<void(const Progress&)> progress;
  std::function<void(const EpochResult&)> measured;  // before the checkpoint at the epoch's end
  // State that can be gone on from: after each epoch, every options.checkpoint_minutes, and where a run is stopped.
  std::function<void(const Position&)> checkpoint;
  std::function<void(const EpochResult&)> epoch;  // after that checkpoint: what is told of an epoch is safe
  const std::atomic<bool>* stop = nullptr;        // once true, the loop ends after the step at hand
};

struct Outcome {
  bool interrupted = false;
  std::int64_t epochs = 0;
  std::uint64_t steps = 0;
  double seconds = 0;            // of this call, evaluations included
  double images_per_second = 0;  // of training alone
  Metrics test;                  // empty where interrupted, or where there are no test images
};

// What `train` throws where a metric or a param stops being finite: names the step, what, and what to try.
class Diverged : public Error {
 public:
  using Error::Error;
};

// Throws Error where the model learns from labels and the data are of one class; and where a batch of an epoch, of a
// validation or of the test holds fewer samples than the model needs (batch normalisation two, NT-Xent two pictures):
// above all the last one, which holds what is left. `train` does so too.
void check_fits(const ir::Module& module, std::int64_t batch, const DatasetSplits& data);

// Trains from `position` on. The order of an epoch is a function of seed and epoch, so that a run that was stopped and
// goes on is bitwise the run that was not. Throws Diverged; no checkpoint is made of such a state. Throws Error where
// the position does not fit the data and the batch.
Outcome train(Session& session, const DatasetSplits& data, const TrainOptions& options, const TrainHooks& hooks = {},
              Position position = {});

}  // namespace weft::training
