// Classification by nearest neighbours of features, by cosine: how well an encoder groups the samples of a class.
#pragma once

#include <cstdint>
#include <vector>

#include "training/data/dataset.h"
#include "training/session.h"

namespace weft::training {

// How the k nearest neighbours of a sample vote on its class. The class with the nearer neighbours wins a tie.
struct Vote {
  std::int64_t k = 10;
  // Each vote counts e^(similarity / temperature) (Wu et al. 2018: k 200, temperature .1); with 0 it counts one.
  double temperature = 0;
};

// The accuracy on `test` of votes by neighbours in `train`, for each kind of vote. Both hold f32 features [N,..] of the
// same size. Throws Error if `train` has fewer samples than a vote needs.
std::vector<double> knn_accuracies(const Dataset& train, const Dataset& test, const std::vector<Vote>& votes,
                                   const SessionOptions& options);

}  // namespace weft::training
