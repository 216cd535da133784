// Moments in double precision; eigenvectors by Eigen's solver, for a large matrix within a small subspace.
#include "training/stats/covariance.h"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <cmath>

#include "ir/error.h"
#include "runtime/rng.h"
#include "training/stats/matrix.h"

namespace weft::training {

using Eigen::MatrixXd;
using runtime::HostTensor;

namespace {

double total_weight(std::int64_t rows, std::span<const double> weights) {
  check(weights.empty() || std::int64_t(weights.size()) == rows, "a weight for each row");
  double total = 0;
  for (const double weight : weights) total += weight;
  return weights.empty() ? double(rows) : total;
}

// An orthonormal basis of the space of the columns.
MatrixXd orthonormal(const MatrixXd& columns) {
  return Eigen::HouseholderQR<MatrixXd>(columns).householderQ() * MatrixXd::Identity(columns.rows(), columns.cols());
}

// Subspace iteration with Rayleigh-Ritz (Stewart 1976; Halko, Martinsson & Tropp 2011): multiply by the matrix,
// orthonormalise, solve the small problem in that basis. Returns columns, largest eigenvalue last.
MatrixXd iterate_subspace(const Eigen::Map<const MatrixXd>& matrix, std::int64_t count) {
  constexpr int kMostRounds = 100;
  constexpr std::uint32_t kStartStream = 0x65696776;  // "eigv"
  constexpr std::int64_t kSpare = 16;  // extra directions, so that the last of `count` converges quickly too
  constexpr double kExact = 1e-9;      // relative to the largest eigenvalue
  const std::int64_t size = matrix.rows(), kept = std::min(size, count + kSpare);
  MatrixXd basis(size, kept);
  for (std::int64_t i = 0; i < basis.size(); ++i)
    basis.data()[i] = runtime::normal<double>({0, kStartStream, std::uint64_t(i >> 32)}, std::uint32_t(i));
  for (int round = 0; round < kMostRounds; ++round) {
    basis = orthonormal(matrix * basis);
    const MatrixXd image = matrix * basis;
    const Eigen::SelfAdjointEigenSolver<MatrixXd> small(basis.transpose() * image);
    basis = basis * small.eigenvectors();
    const MatrixXd residual = image * small.eigenvectors() - basis * small.eigenvalues().asDiagonal();
    if (residual.rightCols(count).colwise().norm().maxCoeff() <= kExact * small.eigenvalues()[kept - 1]) break;
  }
  return basis;
}

}  // namespace

std::vector<double> mean_of(std::span<const float> rows, std::int64_t columns, std::span<const double> weights) {
  check(columns > 0 && !rows.empty() && rows.size() % std::size_t(columns) == 0, "rows are [N,columns]");
  const auto all = map(rows, columns);
  const double total = total_weight(all.rows(), weights);
  Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(columns);
  for (std::int64_t i = 0; i < all.rows(); ++i)
    sum += (weights.empty() ? 1 : weights[std::size_t(i)]) * all.row(i).cast<double>();
  sum /= total;
  return {sum.data(), sum.data() + columns};
}

std::vector<double> mean_of(const HostTensor& rows) {
  return mean_of(rows.as<float>(), rows.elements() / std::max<std::int64_t>(1, rows.shape.front()));
}

std::vector<double> covariance_of(std::span<const float> rows, std::span<const double> mean,
                                  std::span<const double> weights) {
  const auto width = std::int64_t(mean.size());
  const double total = total_weight(std::int64_t(rows.size()) / width, weights);
  MatrixXd lower = MatrixXd::Zero(width, width);
  for_each_centred_block(rows, mean, [&](std::int64_t begin, RowMajor<double>& block) {
    if (!weights.empty()) {
      const Eigen::Map<const Eigen::ArrayXd> here(weights.data() + begin, block.rows());
      block.array().colwise() *= here.sqrt();
    }
    lower.selfadjointView<Eigen::Lower>().rankUpdate(block.transpose());
  });
  const MatrixXd whole = lower.selfadjointView<Eigen::Lower>();
  return to_vector(whole / total);
}

std::vector<double> covariance_of(const HostTensor& rows, std::span<const double> mean) {
  return covariance_of(rows.as<float>(), mean);
}

std::vector<double> leading_directions(std::span<const double> matrix, std::int64_t columns, std::int64_t count) {
  constexpr std::int64_t kSmall = 256;  // the whole decomposition takes a few hundredths of a second
  if (std::int64_t(matrix.size()) != columns * columns)
    fail("{} numbers do not form a square matrix of {} columns", matrix.size(), columns);
  if (count <= 0 || count > columns) fail("cannot find {} directions in {} columns", count, columns);
  const Eigen::Map<const MatrixXd> whole(matrix.data(), columns,
                                         columns);  // symmetric: the storage order does not matter
  const MatrixXd vectors = columns <= kSmall || 4 * count > columns
                               ? MatrixXd(Eigen::SelfAdjointEigenSolver<MatrixXd>(whole).eigenvectors())
                               : iterate_subspace(whole, count);
  return to_vector(vectors.rightCols(count).rowwise().reverse().transpose());
}

}  // namespace weft::training
