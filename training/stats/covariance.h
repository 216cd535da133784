// Mean and covariance of rows, and the directions in which they spread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/host_tensor.h"

namespace weft::training {

// Of each column of [N,columns], N >= 1. Here and below, `weights` say how much each row counts; none: all the same.
std::vector<double> mean_of(std::span<const float> rows, std::int64_t columns, std::span<const double> weights = {});
std::vector<double> mean_of(const runtime::HostTensor& rows);  // f32 [N,..]

// Row-major [columns,columns], divided by the number of rows.
std::vector<double> covariance_of(std::span<const float> rows, std::span<const double> mean,
                                  std::span<const double> weights = {});
std::vector<double> covariance_of(const runtime::HostTensor& rows, std::span<const double> mean);

// The `count` eigenvectors of largest eigenvalue of a symmetric positive matrix, the largest first, as the orthonormal
// rows of [count,columns]: a function of the matrix alone. Few directions of a large matrix are found by iteration,
// until they are exact to about nine digits; a matrix whose eigenvalues do not tell them apart gives some directions of
// that space. Throws Error unless `matrix` is [columns,columns] and 0 < count <= columns.
std::vector<double> leading_directions(std::span<const double> matrix, std::int64_t columns, std::int64_t count);

}  // namespace weft::training
