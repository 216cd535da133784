// A classifier judges generated images: how many clearly show a class, and how evenly they spread over the classes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/host_tensor.h"
#include "training/data/dataset.h"
#include "training/evaluation/codes.h"
#include "training/session.h"

namespace weft::training {

inline constexpr double kSureProbability = .9;

struct ClassifierScore {
  double sure = 0;     // share of images whose most probable class exceeds kSureProbability
  double entropy = 0;  // in nats, of the most probable classes over all images; log(classes) if they are uniform
};

// `logits` is f32 [N,classes].
ClassifierScore classifier_score(const runtime::HostTensor& logits);

// Runs the entry `classify` on f32 [N,..], reshaped to the dims of the entry. Throws Error if the images have another
// size.
runtime::HostTensor classify(Session& classifier, runtime::HostTensor images);

// The share of `data` whose most probable class is its label. Throws Error if the classifier has fewer classes.
double accuracy_of(Session& classifier, const Dataset& data);

struct InterpolationScore {
  std::int64_t images = 0;        // judged, of each kind
  ClassifierScore latent, pixel;  // over all steps strictly between the ends
};

// Draws `pairs` pairs of samples of different classes by `seed`. Interpolates each pair in `steps` steps, in latent
// space and in pixels, and judges the inner steps.
InterpolationScore score_interpolation(Session& session, Session& classifier, const Dataset& data, Path path,
                                       std::int64_t pairs, std::int64_t steps, std::uint64_t seed);

}  // namespace weft::training
