// Cholesky and forward substitution.
#include "training/stats/gaussian.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ir/error.h"

namespace weft::training {

using runtime::HostTensor;

namespace {

std::size_t width_of(const HostTensor& rows) {
  check(rows.shape.size() == 2 && rows.shape[0] > 0 && rows.shape[1] > 0, "rows are [N,D]");
  return static_cast<std::size_t>(rows.shape[1]);
}

// In place: the lower factor of a positive definite matrix.
void cholesky(std::vector<double>& matrix, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    double* row = matrix.data() + i * size;
    for (std::size_t j = 0; j <= i; ++j) {
      const double* other = matrix.data() + j * size;
      double sum = row[j];
      for (std::size_t k = 0; k < j; ++k) sum -= row[k] * other[k];
      row[j] = i == j ? std::sqrt(std::max(sum, 1e-12)) : sum / other[j];
    }
    std::fill(row + i + 1, row + size, 0.0);
  }
}

}  // namespace

Gaussian::Gaussian(const HostTensor& rows, double ridge, std::span<const double> weights)
    : mean_(mean_of(rows.as<float>(), static_cast<std::int64_t>(width_of(rows)), weights)) {
  const std::size_t width = mean_.size();
  factor_ = covariance_of(rows.as<float>(), mean_, weights);
  double trace = 0;
  for (std::size_t i = 0; i < width; ++i) trace += factor_[i * width + i];
  const double added = ridge * trace / static_cast<double>(width) + 1e-9;
  for (std::size_t i = 0; i < width; ++i) factor_[i * width + i] += added;
  cholesky(factor_, width);
}

Gaussian::Gaussian(std::vector<double> mean, std::vector<double> factor)
    : mean_(std::move(mean)), factor_(std::move(factor)) {
  if (factor_.size() != mean_.size() * mean_.size())
    fail("a factor of {} numbers for {} columns", factor_.size(), mean_.size());
}

HostTensor Gaussian::whiten(const HostTensor& rows) const {
  const std::size_t width = width_of(rows);
  if (width != mean_.size()) fail("rows of {} columns, but the Gaussian has {}", width, mean_.size());
  constexpr std::size_t lanes = 16;  // rows at once, side by side, so that the inner loop is a vector operation
  HostTensor result = HostTensor::zeros(ir::DType::f32, rows.shape);
  const auto from = rows.as<float>();
  const auto to = result.as<float>();
  std::vector<double> block(width * lanes);
  const auto count = static_cast<std::size_t>(rows.shape[0]);
  for (std::size_t begin = 0; begin < count; begin += lanes) {
    const std::size_t here = std::min(lanes, count - begin);
    for (std::size_t i = 0; i < width; ++i) {
      double* out = block.data() + i * lanes;
      for (std::size_t lane = 0; lane < here; ++lane) out[lane] = from[(begin + lane) * width + i] - mean_[i];
      const double* factor = factor_.data() + i * width;
      for (std::size_t j = 0; j < i; ++j) {
        const double* solved = block.data() + j * lanes;
        for (std::size_t lane = 0; lane < lanes; ++lane) out[lane] -= factor[j] * solved[lane];
      }
      for (std::size_t lane = 0; lane < lanes; ++lane) out[lane] /= factor[i];
      for (std::size_t lane = 0; lane < here; ++lane) to[(begin + lane) * width + i] = static_cast<float>(out[lane]);
    }
  }
  return result;
}

std::vector<double> squared_lengths(const HostTensor& rows) {
  const std::size_t width = width_of(rows);
  std::vector<double> lengths(static_cast<std::size_t>(rows.shape[0]), 0.0);
  const auto values = rows.as<float>();
  for (std::size_t i = 0; i < values.size(); ++i) lengths[i / width] += double{values[i]} * values[i];
  return lengths;
}

std::vector<std::vector<double>> component_residuals(const HostTensor& training, const HostTensor& rows,
                                                     std::span<const std::int64_t> counts) {
  const std::size_t width = width_of(training);
  const std::vector<double> mean = mean_of(training);
  const std::vector<double> components = eigenvectors(covariance_of(training, mean), training.shape[1]);
  std::vector<std::int64_t> kept;
  for (const std::int64_t count : counts)
    if (count < training.shape[1]) kept.push_back(count);
  std::vector<std::vector<double>> residuals(kept.size());
  const auto values = rows.as<float>();
  std::vector<double> squares(width);  // along each component
  for (std::size_t begin = 0; begin < values.size(); begin += width) {
    for (std::size_t k = 0; k < width; ++k) {
      double along = 0;
      for (std::size_t i = 0; i < width; ++i) along += (values[begin + i] - mean[i]) * components[k * width + i];
      squares[k] = along * along;
    }
    for (std::size_t i = 0; i < kept.size(); ++i)
      residuals[i].push_back(std::accumulate(squares.begin() + kept[i], squares.end(), 0.0));
  }
  return residuals;
}

}  // namespace weft::training
