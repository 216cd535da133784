// Principal components by power iteration on the covariance.
#include "training/latent.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "ir/error.h"

namespace weft::training {

namespace {

using Vector = std::vector<double>;

constexpr int most_iterations = 1000;
constexpr double tolerance = 1e-10;  // of the change of a direction of length 1

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

void scale(Vector& vector, double factor) {
  for (double& each : vector) each *= factor;
}

Vector mean_of(std::span<const float> points, std::size_t dims) {
  Vector mean(dims, 0.0);
  for (std::size_t i = 0; i < points.size(); ++i) mean[i % dims] += points[i];
  scale(mean, static_cast<double>(dims) / static_cast<double>(points.size()));
  return mean;
}

// Row-major [dims,dims], not divided by the number of points: directions alone matter.
Vector covariance_of(std::span<const float> points, const Vector& mean) {
  const std::size_t dims = mean.size();
  Vector covariance(dims * dims, 0.0), centred(dims);
  for (std::size_t begin = 0; begin < points.size(); begin += dims) {
    for (std::size_t i = 0; i < dims; ++i) centred[i] = points[begin + i] - mean[i];
    for (std::size_t i = 0; i < dims; ++i)
      for (std::size_t j = 0; j < dims; ++j) covariance[i * dims + j] += centred[i] * centred[j];
  }
  return covariance;
}

Vector times(const Vector& matrix, const Vector& vector) {
  const std::size_t dims = vector.size();
  Vector result(dims, 0.0);
  for (std::size_t i = 0; i < dims; ++i)
    for (std::size_t j = 0; j < dims; ++j) result[i] += matrix[i * dims + j] * vector[j];
  return result;
}

void make_orthogonal(Vector& vector, const std::vector<Vector>& to) {
  for (const Vector& other : to) {
    const double along = dot(vector, other);
    for (std::size_t i = 0; i < vector.size(); ++i) vector[i] -= along * other[i];
  }
}

// The direction of largest variance among those orthogonal to `found`; any such direction where nothing varies.
Vector principal_direction(const Vector& covariance, std::size_t dims, const std::vector<Vector>& found) {
  Vector direction(dims);
  for (std::size_t i = 0; i < dims; ++i) direction[i] = 1.0 / static_cast<double>(i + 1 + found.size());
  for (int iteration = 0; iteration < most_iterations; ++iteration) {
    make_orthogonal(direction, found);
    scale(direction, 1 / std::sqrt(dot(direction, direction)));
    Vector next = times(covariance, direction);
    make_orthogonal(next, found);
    const double length = std::sqrt(dot(next, next));
    if (length == 0) break;
    scale(next, 1 / length);
    const bool settled = 1 - dot(next, direction) < tolerance;
    direction = std::move(next);
    if (settled) break;
  }
  const double largest = *std::ranges::max_element(direction, {}, [](double component) { return std::abs(component); });
  if (largest < 0) scale(direction, -1);
  return direction;
}

}  // namespace

std::vector<float> plane_of(std::span<const float> points, std::int64_t dims) {
  if (dims <= 0 || points.size() % static_cast<std::size_t>(dims) != 0)
    fail("{} numbers are no points of {} dims", points.size(), dims);
  const auto width = static_cast<std::size_t>(dims);
  const std::size_t count = points.size() / width;
  std::vector<float> plane(count * 2, 0.0f);
  if (width <= 2) {
    for (std::size_t i = 0; i < points.size(); ++i) plane[i / width * 2 + i % width] = points[i];
    return plane;
  }
  const Vector mean = mean_of(points, width);
  const Vector covariance = covariance_of(points, mean);
  std::vector<Vector> directions;
  for (std::size_t axis = 0; axis < 2; ++axis) directions.push_back(principal_direction(covariance, width, directions));
  for (std::size_t i = 0; i < points.size(); ++i)
    for (std::size_t axis = 0; axis < 2; ++axis)
      plane[i / width * 2 + axis] += static_cast<float>((points[i] - mean[i % width]) * directions[axis][i % width]);
  return plane;
}

}  // namespace weft::training
