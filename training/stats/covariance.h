// Mean, covariance and principal directions of rows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/host_tensor.h"

namespace weft::training {

// The mean of each column of [N,columns], N >= 1. Here and below, `weights` holds a weight per row; without it all rows
// count equally.
std::vector<double> mean_of(std::span<const float> rows, std::int64_t columns, std::span<const double> weights = {});
std::vector<double> mean_of(const runtime::HostTensor& rows);  // f32 [N,..]

// Row-major [columns,columns], divided by the number of rows.
std::vector<double> covariance_of(std::span<const float> rows, std::span<const double> mean,
                                  std::span<const double> weights = {});
std::vector<double> covariance_of(const runtime::HostTensor& rows, std::span<const double> mean);

// The `count` eigenvectors with the largest eigenvalues of a symmetric positive matrix, largest first, as orthonormal
// rows [count,columns]; deterministic. For few directions of a large matrix, iterates until they are exact to about
// nine digits. For equal eigenvalues, returns some basis of their space. Throws Error unless `matrix` is
// [columns,columns] and 0 < count <= columns.
std::vector<double> leading_directions(std::span<const double> matrix, std::int64_t columns, std::int64_t count);

}  // namespace weft::training
