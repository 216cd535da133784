// A classifier as the judge of made pictures: how many are clearly of a class, and how evenly they spread over classes.
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
  double sure = 0;     // share of pictures whose most probable class has more than sure_probability
  double entropy = 0;  // in nats, of the classes that were most probable, over all pictures; log(classes) where even
};

// `logits` is f32 [N,classes].
ClassifierScore classifier_score(const runtime::HostTensor& logits);

// The entry `classify` of `judge` over f32 [N,..]; a picture's dims are reshaped to what the entry takes. Throws Error
// where its pictures are of another size.
runtime::HostTensor classify(Session& classifier, runtime::HostTensor images);

// The share of `data` whose most probable class is their label. Throws Error where the judge knows fewer classes.
double accuracy_of(Session& classifier, const Dataset& data);

struct InterpolationScore {
  std::int64_t images = 0;      // judged of each kind
  ClassifierScore latent, pixel;  // of all steps strictly between the ends
};

// `pairs` pairs of samples of `data` of different classes, drawn by `seed`; between each, `steps` steps in latent space
// and in pixels, of which the inner ones are judged.
InterpolationScore score_interpolation(Session& session, Session& classifier, const Dataset& data, Path path,
                                       std::int64_t pairs, std::int64_t steps, std::uint64_t seed);

}  // namespace weft::training
