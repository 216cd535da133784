// A session to probe the encoder of a run.
#pragma once

#include "training/evaluation/representation.h"
#include "training/runs/run_directory.h"
#include "training/session.h"

namespace weft::training {

// A session of the run's model with an entry "probed" (with_probed), with the weights of the last checkpoint or, unless
// `trained`, initial ones. Throws Error if the model has no such output or there is no checkpoint.
Session probed_session(const RunDirectory& run, const SessionOptions& options, const Probed& probed, bool trained);

}  // namespace weft::training
