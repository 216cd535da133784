// Pictures of a trained model: runs its entries over data and draws the results with training/plot/plots.h. Pictures of
// the latent space are in training/runs/illustrate_latent.h. Only images [N,C,H,W] can be drawn, not rows of a table.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "training/data/dataset.h"
#include "training/metrics.h"
#include "training/plot/plots.h"
#include "training/session.h"

namespace weft::training {

using ImageShape = std::array<std::int64_t, 3>;  // channels, height, width
ImageShape image_shape(const Dataset& data);
// The images in `values`, f32 [N,..].
ImageBatch image_batch(const runtime::HostTensor& values, const ImageShape& shape);

// The first `count` samples above their reconstructions. If the encoder saw changed images, these are first and the
// samples last.
Canvas picture_reconstructions(Session& session, const Dataset& data, std::int64_t count = 20);
// Samples from the prior: needs a generative model.
Canvas picture_samples(Session& session, const ImageShape& shape, std::uint64_t seed, std::int64_t count = 100);
// The first `count` samples, and below each `views` random views of it, as in training (entry `augment`).
Canvas picture_views(Session& session, const Dataset& data, std::int64_t count = 10, std::int64_t views = 7);
// The filters of the encoder's first layer as images, each from black (most negative weight) over grey (0) to white.
// Empty if that layer does not take pixels, or its kernels are smaller than 5 x 5, too small to show a pattern.
std::optional<Canvas> picture_filters(const Session& session, const ImageShape& shape, std::int64_t most = 100);
// Each metric of a run by epoch, for training and validation.
Canvas picture_curves(const std::vector<MetricsRecord>& records);

}  // namespace weft::training
