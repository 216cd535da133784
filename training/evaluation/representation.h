// The output of a trained encoder on a data set, itself a data set: the input of probes.
#pragma once

#include <cstdint>

#include "ir/graph.h"
#include "training/data/dataset.h"
#include "training/session.h"

namespace weft::training {

// The output to probe: the representation (entry `encode`), or a block of the entry `features`, counted from 1.
struct Probed {
  std::int64_t block = 0;  // 0: the representation
};

// Adds an entry "probed" whose only output is the one to probe, f32 [B,..]. Throws Error if the model has no such
// output.
ir::Module with_probed(ir::Module module, const Probed& probed);

// The data set with the output of the entry "probed" as samples: f32 [N,..].
Dataset represent(Session& session, const Dataset& data);
DatasetSplits represent(Session& session, const DatasetSplits& data);

// Images as f32 [N,pixels] in [0,1]: the baseline without an encoder.
DatasetSplits raw_pixels(const DatasetSplits& data);

// Standardises each channel (dim 1) of all three splits by its mean and deviation over the training samples; a constant
// channel becomes 0.
void standardise(DatasetSplits& data);

}  // namespace weft::training
