// The encoder of a run, ready to be probed.
#pragma once

#include "training/evaluation/representation.h"
#include "training/runs/run_directory.h"
#include "training/session.h"

namespace weft::training {

// A session of the run's model with an entry "probed" (with_probed): with the weights of the last checkpoint, or fresh
// ones. Throws Error where the model has no such output and where there is no checkpoint.
Session probed_session(const RunDirectory& run, const SessionOptions& options, const Probed& probed, bool trained);

}  // namespace weft::training
