// The similarity matrix of a contrastive model on a batch of views.
#pragma once

#include <cstdint>

#include "training/data/dataset.h"
#include "training/plot/canvas.h"
#include "training/session.h"

namespace weft::training {

// Whether the model has the entries augment and project.
bool is_contrastive(const Session& session);

// The similarities z_i . z_j of two views of each of the first `count` samples: first views, then second views. Frames
// mark the positive pairs, views of the same image.
Canvas picture_similarity(Session& session, const Dataset& data, std::int64_t count = 24);

}  // namespace weft::training
