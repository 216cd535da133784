// Pictures of a trained model: its entries run over data, drawn by training/plot/plots.h. What shows the latent space
// is in training/runs/illustrate_latent.h. What a data set of rows gives cannot be drawn: `images` here are [N,C,H,W].
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
// The pictures in `values`, which holds them as f32 [N,..].
ImageBatch image_batch(const runtime::HostTensor& values, const ImageShape& shape);

// The first `count` samples above what `reconstruct` makes of them. Where the encoder saw something else, that comes
// first and the samples last.
Canvas picture_reconstructions(Session& session, const Dataset& data, std::int64_t count = 20);
// Samples from the prior: needs a generative model.
Canvas picture_samples(Session& session, const ImageShape& shape, std::uint64_t seed, std::int64_t count = 100);
// The first `count` samples, and below each `views` random views of it, as `augment` gives them to training.
Canvas picture_views(Session& session, const Dataset& data, std::int64_t count = 10, std::int64_t views = 7);
// What the first layer of the encoder looks for: its weights as pictures, each from black (its most negative weight)
// over grey (0) to white. Nothing where that layer does not look at pixels, or at fewer than 5 x 5 of them at once:
// such small kernels show nothing.
std::optional<Canvas> picture_filters(const Session& session, const ImageShape& shape, std::int64_t most = 100);
// From the records of a run: each metric by epoch, of training and validation.
Canvas picture_curves(const std::vector<MetricsRecord>& records);

}  // namespace weft::training
