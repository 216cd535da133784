// A mixture of Gaussians fitted to the codes of a trained encoder, to draw random codes from (Ghosh et al., "From
// Variational to Deterministic Autoencoders", 2020).
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/host_tensor.h"
#include "training/stats/gaussian.h"

namespace weft::training {

class Mixture {
 public:
  // Fits f32 [N,D] by expectation maximisation (Dempster et al. 1977), starting from distant rows drawn by `seed`.
  // Components have full covariances; there are at most as many as rows.
  Mixture(const runtime::HostTensor& rows, std::int64_t components, std::uint64_t seed);

  std::size_t components() const { return parts_.size(); }
  const std::vector<double>& weights() const { return weights_; }  // of the components; their sum is 1
  const std::vector<Gaussian>& parts() const { return parts_; }
  // The mean over the rows in each round of fitting, in nats, without the constant D/2 log(2 pi).
  const std::vector<double>& log_likelihoods() const { return log_likelihoods_; }

  // f32 [count,D]; deterministic.
  std::vector<float> draw(std::int64_t count, std::uint64_t seed) const;

 private:
  std::vector<double> weights_;
  std::vector<Gaussian> parts_;
  std::vector<double> log_likelihoods_;
};

}  // namespace weft::training
