// The pictures of a model at work, made from a session; the drawing itself is in training/pictures.h. Each needs the
// entries of frontend/model.h that it names, and throws Error where the model lacks one.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "training/dataset.h"
#include "training/metrics.h"
#include "training/png.h"
#include "training/session.h"

namespace weft::training {

// Channels, height and width of the pictures that a model works on.
using ImageShape = std::array<std::int64_t, 3>;
ImageShape image_shape(const Dataset& data);

// Whether `encode` gives a distribution, so that N(0, I) is the prior of its codes and can be sampled.
bool is_generative(const Session& session);

// `count` images, f32[count,..] as `decode` gives them, of codes drawn from N(0, I): a function of the weights and the
// seed.
runtime::HostTensor sample_prior(Session& session, std::int64_t count, std::uint64_t seed);

// Entry `reconstruct`: the first `count` images of `data` and what the model makes of them.
Picture picture_reconstructions(Session& session, const Dataset& data, std::int64_t count = 20);
// Entry `decode`.
Picture picture_samples(Session& session, const ImageShape& shape, std::uint64_t seed, std::int64_t count = 100);
// Entry `encode`: the codes of at most `most` images, by class, on the plane where they spread most.
Picture picture_latent(Session& session, const Dataset& data, std::int64_t most = 5'000);
// One curve a metric, the loss first; what `records` says of the splits train and validation.
Picture picture_curves(const std::vector<MetricsRecord>& records);

}  // namespace weft::training
