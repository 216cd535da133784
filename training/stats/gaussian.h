// A Gaussian fitted to rows, and what follows from its covariance: whitened rows, Mahalanobis distances, and the
// residuals of principal components.
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
  // Of f32 [N,D], N >= 1. `ridge` times the mean variance is added to each variance: directions in which the rows
  // hardly vary are then not blown up. `weights` say how much each row counts; none: all the same.
  Gaussian(const runtime::HostTensor& rows, double ridge, std::span<const double> weights = {});
  // From what `mean` and `factor` gave.
  Gaussian(std::vector<double> mean, std::vector<double> factor);

  std::int64_t columns() const { return static_cast<std::int64_t>(mean_.size()); }
  const std::vector<double>& mean() const { return mean_; }
  const std::vector<double>& factor() const { return factor_; }  // the lower Cholesky factor L [D,D] of the covariance

  // L^-1 (x - mean) for each row: uncorrelated, of variance about 1; its squared length is the Mahalanobis distance.
  runtime::HostTensor whiten(const runtime::HostTensor& rows) const;

 private:
  std::vector<double> mean_;
  std::vector<double> factor_;
};

// The squared length of each row of f32 [N,D].
std::vector<double> squared_lengths(const runtime::HostTensor& rows);

// The squared distance of each row of `rows` from the plane of the first k principal components of `training`, for each
// k of `counts` that is below the number of columns.
std::vector<std::vector<double>> component_residuals(const runtime::HostTensor& training,
                                                     const runtime::HostTensor& rows,
                                                     std::span<const std::int64_t> counts);

}  // namespace weft::training
