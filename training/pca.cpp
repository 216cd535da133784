// The covariance by a compiled product, its eigenvectors by orthogonal iteration.
#include "training/pca.h"

#include <algorithm>
#include <cmath>

#include "ir/error.h"
#include "training/product.h"

namespace weft::training {

namespace {

using runtime::HostTensor;

std::int64_t columns_of(const HostTensor& rows) { return runtime::element_count(std::span(rows.shape).subspan(1)); }

std::vector<double> mean_of(const HostTensor& rows) {
  const auto columns = static_cast<std::size_t>(columns_of(rows));
  std::vector<double> mean(columns);
  const std::span<const float> values = rows.as<float>();
  for (std::size_t i = 0; i < values.size(); ++i) mean[i % columns] += double(values[i]);
  for (double& each : mean) each /= double(rows.shape[0]);
  return mean;
}

HostTensor centred(const HostTensor& rows, const std::vector<double>& mean) {
  HostTensor result = rows;
  const std::span<float> values = result.as<float>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] -= static_cast<float>(mean[i % mean.size()]);
  return result;
}

double dot(const double* a, const double* b, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

// Gram-Schmidt on `count` rows of `columns`; a row that depends on those before it becomes a unit vector of its own.
void orthonormalise(std::vector<double>& rows, std::int64_t count, std::int64_t columns) {
  for (std::int64_t i = 0; i < count; ++i) {
    double* row = rows.data() + i * columns;
    for (int pass = 0; pass < 2; ++pass)  // the second repairs what rounding left of the first
      for (std::int64_t j = 0; j < i; ++j) {
        const double* other = rows.data() + j * columns;
        const double share = dot(row, other, columns);
        for (std::int64_t c = 0; c < columns; ++c) row[c] -= share * other[c];
      }
    const double length = std::sqrt(dot(row, row, columns));
    if (length > 1e-30) {
      for (std::int64_t c = 0; c < columns; ++c) row[c] /= length;
    } else {
      std::fill_n(row, columns, 0.0);
    }
  }
}

}  // namespace

Pca principal_components(const HostTensor& rows, std::int64_t count, const SessionOptions& options) {
  const std::int64_t columns = columns_of(rows), samples = rows.shape[0];
  if (count <= 0 || count > columns)
    fail("{} principal components asked of {} columns; ask for at least one, at most so many", count, columns);
  Pca pca{mean_of(rows), {}, count};
  const HostTensor centre = centred(rows, pca.mean);
  Product covariance({.rows = columns, .inner = samples, .columns = columns, .transpose_a = true}, options);
  const float* matrix = covariance(centre.as<float>().data(), centre.as<float>().data());

  // A few directions more than asked for: the last one asked for then converges as fast as the first.
  const std::int64_t kept = std::min(columns, count + 16);
  std::vector<double> now(static_cast<std::size_t>(kept * columns)), next(now.size());
  for (std::size_t i = 0; i < now.size(); ++i) now[i] = std::sin(1 + 12.9898 * double(i % 9973) + 0.37 * double(i));
  orthonormalise(now, kept, columns);
  constexpr int most = 40;
  for (int round = 0; round < most; ++round) {
    std::ranges::fill(next, 0.0);
    for (std::int64_t k = 0; k < kept; ++k)
      for (std::int64_t r = 0; r < columns; ++r) {
        const double weight = now[static_cast<std::size_t>(k * columns + r)];
        const float* row = matrix + r * columns;
        double* sum = next.data() + k * columns;
        for (std::int64_t c = 0; c < columns; ++c) sum[c] += weight * double(row[c]);
      }
    orthonormalise(next, kept, columns);
    double least = 1;  // how far the directions turned: cosines between old and new
    for (std::int64_t k = 0; k < count; ++k)
      least = std::min(least, std::abs(dot(now.data() + k * columns, next.data() + k * columns, columns)));
    std::swap(now, next);
    if (least > 1 - 1e-10) break;
  }
  now.resize(static_cast<std::size_t>(count * columns));
  pca.components = std::move(now);
  return pca;
}

HostTensor project(const Pca& pca, const HostTensor& rows, const SessionOptions& options) {
  const std::int64_t columns = columns_of(rows), samples = rows.shape[0];
  check(static_cast<std::size_t>(columns) == pca.mean.size(), "rows are projected on components of their own width");
  HostTensor components = HostTensor::zeros(ir::DType::f32, {pca.count, columns});
  std::ranges::transform(pca.components, components.as<float>().begin(),
                         [](double value) { return static_cast<float>(value); });
  const HostTensor centre = centred(rows, pca.mean);
  Product product({.rows = samples, .inner = columns, .columns = pca.count, .transpose_b = true}, options);
  const float* coordinates = product(centre.as<float>().data(), components.as<float>().data());
  return HostTensor::of(std::span(coordinates, static_cast<std::size_t>(samples * pca.count)), {samples, pca.count});
}

}  // namespace weft::training
