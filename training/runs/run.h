// A run from its start or its last checkpoint to its report: the training loop joined to a run directory.
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

// Trains until config().train.epochs: from the start, or with `resume` from the last checkpoint, where there is one.
// Each epoch appends to metrics.jsonl and replaces the checkpoint before its hook is called; at the end the pictures
// and report.html are written. Stopped, it leaves a checkpoint of the step it stopped at; killed, the last one: going
// on from either ends bitwise as the run that was not stopped, checkpoint and metrics. Where training diverges, the
// Error says which checkpoint is kept. `run` is made by RunDirectory::create or opened to write.
Outcome train_run(const RunDirectory& run, const DatasetSplits& data, bool resume, const RunHooks& hooks = {});

// The pictures that the model's entries allow, and the page that shows them beside the metrics. For `weft report` too.
void write_report(const RunDirectory& run, Session& session, const DatasetSplits& data);

// One line: model, epochs, steps, seed, seconds, images_per_second, test {loss, recon, kl}; and interrupted,
// where it was.
std::string to_json(const RunConfig& config, const Outcome& outcome);

}  // namespace weft::training
