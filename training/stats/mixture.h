// A mixture of Gaussians over codes: a density fitted to where a trained encoder puts its data, for codes to be drawn
// from (Ghosh et al., "From Variational to Deterministic Autoencoders", 2020).
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/host_tensor.h"
#include "training/stats/gaussian.h"

namespace weft::training {

class Mixture {
 public:
  // Fitted by expectation maximisation (Dempster et al. 1977) to f32 [N,D], from rows that `seed` draws far from one
  // another. Components have full covariances; of fewer rows than `components`, as many as rows.
  Mixture(const runtime::HostTensor& rows, std::int64_t components, std::uint64_t seed);

  std::size_t components() const { return parts_.size(); }
  const std::vector<double>& weights() const { return weights_; }  // shares of the components, 1 in all
  const std::vector<Gaussian>& parts() const { return parts_; }
  // Of each round of fitting: the mean of the rows, in nats, without the constant D/2 log(2 pi).
  const std::vector<double>& log_likelihoods() const { return log_likelihoods_; }

  // f32 [count,D] one after the other; a function of its arguments.
  std::vector<float> draw(std::int64_t count, std::uint64_t seed) const;

 private:
  std::vector<double> weights_;
  std::vector<Gaussian> parts_;
  std::vector<double> log_likelihoods_;
};

}  // namespace weft::training
