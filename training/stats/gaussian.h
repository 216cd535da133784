// A Gaussian fitted to rows, for whitening and Mahalanobis distances; and residuals of principal components.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/host_tensor.h"
#include "training/stats/covariance.h"

namespace weft::training {

class Gaussian {
 public:
  // Fits f32 [N,D], N >= 1. Adds `ridge` times the mean variance to each variance, so that directions of little
  // variance do not dominate. `weights` holds a weight per row; without it all rows count equally.
  Gaussian(const runtime::HostTensor& rows, double ridge, std::span<const double> weights = {});
  // From the results of `mean` and `factor`.
  Gaussian(std::vector<double> mean, std::vector<double> factor);

  std::int64_t columns() const { return static_cast<std::int64_t>(mean_.size()); }
  const std::vector<double>& mean() const { return mean_; }
  const std::vector<double>& factor() const { return factor_; }  // the lower Cholesky factor L [D,D] of the covariance

  // L^-1 (x - mean) for each row: uncorrelated, of variance about 1; its length is the Mahalanobis distance.
  runtime::HostTensor whiten(const runtime::HostTensor& rows) const;

 private:
  std::vector<double> mean_;
  std::vector<double> factor_;
};

// The squared length of each row of f32 [N,D].
std::vector<double> squared_lengths(const runtime::HostTensor& rows);

// The squared distance of each row of `rows` from the space of the first k principal components of `training`, for each
// k in `counts` below the number of columns.
std::vector<std::vector<double>> component_residuals(const runtime::HostTensor& training,
                                                     const runtime::HostTensor& rows,
                                                     std::span<const std::int64_t> counts);

}  // namespace weft::training
