// What each unit of a latent space does, measured on the codes of a data set.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace weft::training {

// A unit with less variance of E[z|x] over the data tells nothing of x (Burda et al., "Importance Weighted
// Autoencoders", 2016, 2.3 and 5).
inline constexpr double kActiveVariance = .01;

struct UnitStatistics {
  // Of z drawn from the aggregate posterior, the mixture of q(z|x) over the data; of the codes themselves where the
  // encoder gives no distributions.
  double mean = 0;
  double variance = 0;
  double mean_variance = 0;  // of E[z|x] over the data
  double kl = 0;             // KL(q(z|x) || N(0, 1)) in nats, mean over the data; 0 without distributions
  bool active = false;       // mean_variance > active_variance
};

struct LatentStatistics {
  std::vector<UnitStatistics> units;
  bool has_posterior = false;

  std::int64_t active() const;
  double kl() const;  // of all units together
  // The posterior has collapsed where no more than half of the units of a variational model are active: "" or a line
  // that says so and what to try.
  std::string collapse_warning() const;
  // Units from the one that tells most of x: by kl, without distributions by mean_variance.
  std::vector<std::int64_t> by_weight() const;
};

// `codes` and `logvar` are [N,dims]; logvar is empty where the encoder gives codes alone. Throws Error where there are
// none or their numbers do not agree.
LatentStatistics latent_statistics(std::span<const float> codes, std::span<const float> logvar, std::int64_t dims);

}  // namespace weft::training
