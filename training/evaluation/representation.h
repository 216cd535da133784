// What a trained encoder gives of a data set, as a data set itself: what probes work on.
#pragma once

#include <cstdint>

#include "ir/graph.h"
#include "training/data/dataset.h"
#include "training/session.h"

namespace weft::training {

// What is looked at: the representation (the entry `encode`), or a block of the entry `features`, counted from 1.
struct Probed {
  std::int64_t block = 0;  // 0: the representation
};

// The module with one more entry, "probed", that has the probed output alone, f32 [B,..]. Throws Error where the model
// has no such output.
ir::Module with_probed(ir::Module module, const Probed& probed);

// Samples with what the entry "probed" makes of them in place of pictures: f32 [N,..].
Dataset represent(Session& session, const Dataset& data);
DatasetSplits represent(Session& session, const DatasetSplits& data);

// Pictures as f32 [N,pixels] in [0,1], as if their encoder did nothing.
DatasetSplits raw_pixels(const DatasetSplits& data);

// Each channel (dim 1) of all three splits, less its mean over the training samples, divided by its deviation there;
// one that does not vary becomes 0.
void standardise(DatasetSplits& data);

}  // namespace weft::training
