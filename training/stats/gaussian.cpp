// The Cholesky factor, forward substitution and projections, by Eigen.
#include "training/stats/gaussian.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "ir/error.h"
#include "training/stats/matrix.h"

namespace weft::training {

using runtime::HostTensor;

namespace {

std::int64_t width_of(const HostTensor& rows) {
  check(rows.shape.size() == 2 && rows.shape[0] > 0 && rows.shape[1] > 0, "rows are [N,D]");
  return rows.shape[1];
}

// The lower factor of a covariance, with `ridge` times the mean variance added to each variance. Adds more if rounding
// still leaves the matrix without a factor.
std::vector<double> factor_of(const std::vector<double>& covariance, std::int64_t width, double ridge) {
  const RowMajor<double> matrix = map(std::span(covariance), width);
  const double mean_variance = matrix.trace() / double(width);
  for (double added = ridge * mean_variance + 1e-9;; added = std::max(10 * added, 1e-15 * mean_variance)) {
    const Eigen::LLT<RowMajor<double>> cholesky(matrix + added * RowMajor<double>::Identity(width, width));
    if (cholesky.info() == Eigen::Success || !std::isfinite(added)) return to_vector(cholesky.matrixL());
  }
}

}  // namespace

Gaussian::Gaussian(const HostTensor& rows, double ridge, std::span<const double> weights)
    : mean_(mean_of(rows.as<float>(), width_of(rows), weights)),
      factor_(factor_of(covariance_of(rows.as<float>(), mean_, weights), columns(), ridge)) {}

Gaussian::Gaussian(std::vector<double> mean, std::vector<double> factor)
    : mean_(std::move(mean)), factor_(std::move(factor)) {
  if (factor_.size() != mean_.size() * mean_.size())
    fail("a factor of {} numbers does not fit {} columns", factor_.size(), mean_.size());
}

HostTensor Gaussian::whiten(const HostTensor& rows) const {
  const std::int64_t width = width_of(rows);
  if (width != columns()) fail("rows of {} columns, but the Gaussian has {}", width, columns());
  HostTensor result = HostTensor::zeros(ir::DType::f32, rows.shape);
  Eigen::Map<RowMajor<float>> white(result.as<float>().data(), rows.shape[0], width);
  const auto lower = map(std::span(factor_), width).triangularView<Eigen::Lower>();
  for_each_centred_block(rows.as<float>(), mean_, [&](std::int64_t begin, RowMajor<double>& block) {
    Eigen::MatrixXd solved = block.transpose();
    lower.solveInPlace(solved);
    white.middleRows(begin, block.rows()) = solved.transpose().cast<float>();
  });
  return result;
}

std::vector<double> squared_lengths(const HostTensor& rows) {
  const auto all = map(rows.as<float>(), width_of(rows));
  std::vector<double> lengths;
  for (std::int64_t i = 0; i < all.rows(); ++i) lengths.push_back(all.row(i).cast<double>().squaredNorm());
  return lengths;
}

std::vector<std::vector<double>> component_residuals(const HostTensor& training, const HostTensor& rows,
                                                     std::span<const std::int64_t> counts) {
  const std::int64_t width = width_of(training);
  const std::vector<double> mean = mean_of(training);
  const std::vector<double> components = leading_directions(covariance_of(training, mean), width, width);
  std::vector<std::int64_t> kept;
  for (const std::int64_t count : counts)
    if (count < width) kept.push_back(count);
  std::vector<std::vector<double>> residuals(kept.size());
  for_each_centred_block(rows.as<float>(), mean, [&](std::int64_t, RowMajor<double>& block) {
    const RowMajor<double> along = block * map(std::span(components), width).transpose();
    for (std::size_t i = 0; i < kept.size(); ++i)
      for (std::int64_t row = 0; row < along.rows(); ++row)
        residuals[i].push_back(along.row(row).tail(width - kept[i]).squaredNorm());
  });
  return residuals;
}

}  // namespace weft::training
