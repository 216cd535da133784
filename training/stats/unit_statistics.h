// Statistics of each unit of a latent space over the codes of a data set.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace weft::training {

// A unit whose E[z|x] has less variance over the data is inactive: it carries no information about x (Burda et al.,
// "Importance Weighted Autoencoders", 2016, 2.3 and 5).
inline constexpr double kActiveVariance = .01;

struct UnitStatistics {
  // Of z under the aggregate posterior, the mixture of q(z|x) over the data; of the codes themselves if the encoder
  // gives no distributions.
  double mean = 0;
  double variance = 0;
  double mean_variance = 0;  // of E[z|x] over the data
  double kl = 0;             // KL(q(z|x) || N(0, 1)) in nats, mean over the data; 0 without distributions
  bool active = false;       // mean_variance > kActiveVariance
};

struct LatentStatistics {
  std::vector<UnitStatistics> units;
  bool has_posterior = false;

  std::int64_t active() const;
  double kl() const;  // summed over all units
  // If at most half of the units of a variational model are active, the posterior has collapsed: returns a line that
  // says so and what to try. Otherwise returns "".
  std::string collapse_warning() const;
  // Units, most informative about x first: by kl, or by mean_variance without distributions.
  std::vector<std::int64_t> by_weight() const;
};

// `codes` and `logvar` are [N,dims]; logvar is empty if the encoder gives no distributions. Throws Error if there are
// no codes or the sizes do not match.
LatentStatistics latent_statistics(std::span<const float> codes, std::span<const float> logvar, std::int64_t dims);

}  // namespace weft::training
