// Moments in double; eigenvectors by orthogonal iteration and by Jacobi's rotations.
#include "training/stats/covariance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ir/error.h"

namespace weft::training {

using runtime::HostTensor;

namespace {

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

double weight_of(std::span<const double> weights, std::size_t row) { return weights.empty() ? 1 : weights[row]; }

double total_weight(std::size_t rows, std::span<const double> weights) {
  check(weights.empty() || weights.size() == rows, "a weight for each row");
  return weights.empty() ? static_cast<double>(rows) : std::accumulate(weights.begin(), weights.end(), 0.0);
}

}  // namespace

std::vector<double> mean_of(std::span<const float> rows, std::int64_t columns, std::span<const double> weights) {
  check(columns > 0 && !rows.empty() && rows.size() % static_cast<std::size_t>(columns) == 0, "rows are [N,columns]");
  const auto width = static_cast<std::size_t>(columns);
  std::vector<double> mean(width, 0.0);
  const double total = total_weight(rows.size() / width, weights);
  for (std::size_t i = 0; i < rows.size(); ++i) mean[i % width] += weight_of(weights, i / width) * rows[i];
  for (double& each : mean) each /= total;
  return mean;
}

std::vector<double> mean_of(const HostTensor& rows) {
  return mean_of(rows.as<float>(), rows.elements() / std::max<std::int64_t>(1, rows.shape.front()));
}

std::vector<double> covariance_of(std::span<const float> rows, std::span<const double> mean,
                                  std::span<const double> weights) {
  const std::size_t width = mean.size();
  std::vector<double> covariance(width * width, 0.0), centred(width);
  const double total = total_weight(rows.size() / width, weights);
  for (std::size_t begin = 0; begin < rows.size(); begin += width) {
    const double weight = weight_of(weights, begin / width);
    for (std::size_t i = 0; i < width; ++i) centred[i] = rows[begin + i] - mean[i];
    for (std::size_t i = 0; i < width; ++i) {
      const double along = weight * centred[i];
      if (along == 0) continue;
      double* out = covariance.data() + i * width;
      for (std::size_t j = 0; j <= i; ++j) out[j] += along * centred[j];
    }
  }
  for (std::size_t i = 0; i < width; ++i)
    for (std::size_t j = 0; j <= i; ++j) covariance[j * width + i] = covariance[i * width + j] /= total;
  return covariance;
}

std::vector<double> covariance_of(const HostTensor& rows, std::span<const double> mean) {
  return covariance_of(rows.as<float>(), mean);
}

std::vector<double> leading_directions(std::span<const double> matrix, std::int64_t columns, std::int64_t count) {
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
        const double* row = matrix.data() + r * columns;
        double* sum = next.data() + k * columns;
        for (std::int64_t c = 0; c < columns; ++c) sum[c] += weight * row[c];
      }
    orthonormalise(next, kept, columns);
    double least = 1;  // how far the directions turned: cosines between old and new
    for (std::int64_t k = 0; k < count; ++k)
      least = std::min(least, std::abs(dot(now.data() + k * columns, next.data() + k * columns, columns)));
    std::swap(now, next);
    if (least > 1 - 1e-10) break;
  }
  now.resize(static_cast<std::size_t>(count * columns));
  return now;
}

std::vector<double> eigenvectors(std::vector<double> a, std::int64_t size) {
  constexpr int most_sweeps = 100;
  const auto n = static_cast<std::size_t>(size);
  if (a.size() != n * n) fail("{} numbers are no matrix of {} columns", a.size(), size);
  std::vector<double> vectors(n * n, 0.0);  // one a row
  for (std::size_t i = 0; i < n; ++i) vectors[i * n + i] = 1;
  for (int sweep = 0; sweep < most_sweeps; ++sweep) {
    double off = 0, diagonal = 0;
    for (std::size_t i = 0; i < n; ++i) {
      diagonal += a[i * n + i] * a[i * n + i];
      for (std::size_t j = 0; j < i; ++j) off += a[i * n + j] * a[i * n + j];
    }
    if (off <= 1e-24 * diagonal) break;
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        const double apq = a[p * n + q];
        if (apq == 0) continue;
        const double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
        const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1), s = t * c;
        const auto rotate = [c, s](double& x, double& y) {
          const double before = x;
          x = c * before - s * y;
          y = s * before + c * y;
        };
        for (std::size_t k = 0; k < n; ++k) rotate(a[k * n + p], a[k * n + q]);
        for (std::size_t k = 0; k < n; ++k) rotate(a[p * n + k], a[q * n + k]);
        for (std::size_t k = 0; k < n; ++k) rotate(vectors[p * n + k], vectors[q * n + k]);
      }
    }
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t i, std::size_t j) { return a[i * n + i] > a[j * n + j]; });
  std::vector<double> sorted;
  for (const std::size_t i : order) {
    const auto row = vectors.begin() + static_cast<std::ptrdiff_t>(i * n);
    sorted.insert(sorted.end(), row, row + static_cast<std::ptrdiff_t>(n));
  }
  return sorted;
}

}  // namespace weft::training
