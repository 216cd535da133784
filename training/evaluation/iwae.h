// The importance-weighted estimate of log p(x) (Burda et al., "Importance Weighted Autoencoders", 2016).
#pragma once

#include <cstdint>
#include <functional>

#include "training/data/dataset.h"
#include "training/session.h"

namespace weft::training {

// -log p(x) in nats, averaged over `data`: for each image, -log of the mean of e^log_weight over `samples` draws of z
// by the entry `log_weight`. If the model has an entry `observe`, its output, drawn once, replaces the data. The
// estimate is an upper bound in expectation: minus the ELBO with one draw, and tighter with more. It is a function of
// weights, seed and batch. Calls `progress` with the number of draws done. Throws Error if an estimate is not finite.
double iwae_nll(Session& session, const Dataset& data, std::int64_t samples,
                const std::function<void(std::int64_t)>& progress = {});

}  // namespace weft::training
