// The nearest neighbours of features, by cosine: how well an encoder puts pictures of a class side by side.
#pragma once

#include <cstdint>
#include <vector>

#include "training/data/dataset.h"
#include "training/session.h"

namespace weft::training {

// How the k nearest neighbours of a sample vote on its class. Of equal votes the class with the nearer ones wins.
struct Vote {
  std::int64_t k = 10;
  // Each counts e^(similarity / temperature) (Wu et al. 2018: k 200, temperature .1); 0: each counts one.
  double temperature = 0;
};

// The share of `test` whose class the votes of its neighbours in `train` find, for each kind of vote. Both hold f32
// features [N,..] of the same size. Throws Error where `train` has fewer samples than a vote asks for.
std::vector<double> knn_accuracies(const Dataset& train, const Dataset& test, const std::vector<Vote>& votes,
                                   const SessionOptions& options);

}  // namespace weft::training
