// What a contrastive model sees in a batch of views: the picture of its similarities.
#pragma once

#include <cstdint>

#include "training/data/dataset.h"
#include "training/plot/canvas.h"
#include "training/session.h"

namespace weft::training {

// Whether the model has what that needs: the entries augment and project.
bool is_contrastive(const Session& session);

// The similarities z_i . z_j of two views each of the first `count` samples, by the entries augment and project: the
// first views, then the second ones. A frame marks each positive pair, the view of the same picture.
Canvas picture_similarity(Session& session, const Dataset& data, std::int64_t count = 24);

}  // namespace weft::training
