// The importance-weighted estimate of log p(x) (Burda et al., "Importance Weighted Autoencoders", 2016).
#pragma once

#include <cstdint>
#include <functional>

#include "training/data/dataset.h"
#include "training/session.h"

namespace weft::training {

// -log p(x) in nats, the mean over the samples of `data`: for each, -log of the mean of e^log_weight over `samples`
// fresh z of the entry `log_weight`. Where the model has an entry `observe`, what it draws of the data, once, takes
// their place. An upper bound in expectation, minus the ELBO for one sample, and tighter the more there are. A function
// of weights, seed and batch. `progress` is called with the number of samples done. Throws Error where an estimate is
// not finite.
double iwae_nll(Session& session, const Dataset& data, std::int64_t samples,
                const std::function<void(std::int64_t)>& progress = {});

}  // namespace weft::training
