// A run from its start or its last checkpoint to its report: the training loop in a run directory.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "training/data/dataset.h"
#include "training/runs/run_directory.h"
#include "training/session.h"
#include "training/trainer.h"

namespace weft::training {

struct RunHooks {
  std::function<void(const Progress&)> progress;
  std::function<void(const EpochResult&)> epoch;
  const std::atomic<bool>* stop = nullptr;
};

// Trains until config().train.epochs, from the start or, with `resume`, from the last checkpoint, if there is one. Each
// epoch appends to metrics.jsonl, replaces the checkpoint, then calls its hook. At the end, writes the pictures and
// report.html. A stopped run leaves a checkpoint of the current step, a killed run its last checkpoint. Resuming from
// either gives the same bits, in checkpoint and metrics, as an uninterrupted run. If training diverges, the Error names
// the checkpoint that is kept. `run` comes from RunDirectory::create or is open for writing.
Outcome train_run(const RunDirectory& run, const DatasetSplits& data, bool resume, const RunHooks& hooks = {});

// Writes the pictures that the model's entries allow, and report.html with pictures and metrics. `weft report` uses it
// too.
void write_report(const RunDirectory& run, Session& session, const DatasetSplits& data);

// One line: model, epochs, steps, seed, seconds, images_per_second, test {loss, recon, kl}; and interrupted, if it was.
std::string to_json(const RunConfig& config, const Outcome& outcome);

}  // namespace weft::training
