#include "training/runs/probed_session.h"

#include <utility>

namespace weft::training {

Session probed_session(const RunDirectory& run, const SessionOptions& options, const Probed& probed, bool trained) {
  Session session(with_probed(run.module(), probed), options);
  if (trained) session.load_weights(run.read_checkpoint(), run.checkpoint_path());
  return session;
}

}  // namespace weft::training
