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

// The `count` eigenvectors of largest eigenvalue of a symmetric positive matrix, as the rows of [count,columns]. By
// orthogonal iteration from a fixed start, until the directions stand still: deterministic, and quick for matrices of
// thousands of columns. Directions in which nothing varies may be 0.
std::vector<double> leading_directions(std::span<const double> matrix, std::int64_t columns, std::int64_t count);

// All eigenvectors of a symmetric matrix [size,size], by Jacobi's rotations: exact, and quick for sizes up to some
// hundreds. The rows of the result [size,size], the largest eigenvalue first.
std::vector<double> eigenvectors(std::vector<double> matrix, std::int64_t size);

}  // namespace weft::training
