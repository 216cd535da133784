// Gradient descent on the KL divergence between two distributions over pairs: P, from a Gaussian around each point,
// whose width gives every point the same perplexity, and Q, from a Student t of the distances in the plane.
#include "training/stats/tsne.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include "ir/error.h"
#include "training/stats/plane.h"

namespace weft::training {

namespace {

// As in the paper and in scikit-learn 1.x: exaggerated attraction and low momentum at first.
constexpr int kExaggeratedSteps = 250;
constexpr float kExaggeration = 12;
constexpr float kFirstMomentum = .5F, kLastMomentum = .8F;
constexpr float kFirstSpread = 1e-4F;  // standard deviation of the starting layout

using Row = std::vector<float>;

Row squared_distances(std::span<const float> points, std::size_t dims, std::size_t i) {
  const std::size_t count = points.size() / dims;
  Row row(count);
  for (std::size_t j = 0; j < count; ++j) {
    float sum = 0;
    for (std::size_t d = 0; d < dims; ++d) {
      const float difference = points[i * dims + d] - points[j * dims + d];
      sum += difference * difference;
    }
    row[j] = sum;
  }
  return row;
}

// Turns the distances of point `i` into probabilities e^(-precision * distance) / sum whose entropy is `wanted`, by
// bisection on the precision. If all distances are equal, so are the probabilities.
void to_probabilities(Row& row, std::size_t i, double wanted) {
  double nearest = std::numeric_limits<double>::infinity();
  for (std::size_t j = 0; j < row.size(); ++j)
    if (j != i) nearest = std::min<double>(nearest, row[j]);
  double low = 0, high = std::numeric_limits<double>::infinity(), precision = 1;
  Row best(row.size(), 0.0F);
  for (int round = 0; round < 64; ++round) {
    double sum = 0, weighted = 0;
    for (std::size_t j = 0; j < row.size(); ++j) {
      if (j == i) continue;
      const double distance = row[j] - nearest, weight = std::exp(-precision * distance);
      sum += weight;
      weighted += weight * distance;
      best[j] = static_cast<float>(weight);
    }
    for (float& each : best) each = static_cast<float>(each / sum);
    const double entropy = std::log(sum) + precision * weighted / sum;
    if (std::abs(entropy - wanted) < 1e-5) break;
    (entropy > wanted ? low : high) = precision;
    precision = std::isinf(high) ? 2 * precision : (low + high) / 2;
  }
  row = std::move(best);
}

// P as [N,N]: symmetric, summing to 1.
std::vector<float> affinities(std::span<const float> points, std::size_t dims, double perplexity) {
  const std::size_t count = points.size() / dims;
  std::vector<float> p(count * count);
  for (std::size_t i = 0; i < count; ++i) {
    Row row = squared_distances(points, dims, i);
    to_probabilities(row, i, std::log(perplexity));
    std::ranges::copy(row, p.begin() + static_cast<std::ptrdiff_t>(i * count));
  }
  const float scale = 0.5F / static_cast<float>(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const float both = (p[i * count + j] + p[j * count + i]) * scale;
      p[i * count + j] = p[j * count + i] = both;
    }
  }
  return p;
}

// The attraction and repulsion of one point; q is 1 / (1 + distance^2).
struct Forces {
  float q = 0;                   // sum of q
  float pull_x = 0, pull_y = 0;  // sum of p q (y_i - y_j)
  float push_x = 0, push_y = 0;  // sum of q^2 (y_i - y_j)
};

// Sums in `lanes` parts, so that the compiler can vectorise without reordering.
Forces forces_on(std::size_t i, const float* p, const Row& x, const Row& y) {
  constexpr std::size_t lanes = 16;
  std::array<float, lanes> q{}, pull_x{}, pull_y{}, push_x{}, push_y{};
  const auto add = [&](std::size_t j, std::size_t lane) {
    const float dx = x[i] - x[j], dy = y[i] - y[j];
    const float near = 1 / (1 + dx * dx + dy * dy);
    const float pull = p[j] * near, push = near * near;
    q[lane] += near;
    pull_x[lane] += pull * dx;
    pull_y[lane] += pull * dy;
    push_x[lane] += push * dx;
    push_y[lane] += push * dy;
  };
  const std::size_t count = x.size(), whole = count / lanes * lanes;
  for (std::size_t j = 0; j < whole; j += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) add(j + lane, lane);
  for (std::size_t j = whole; j < count; ++j) add(j, j - whole);
  Forces sum;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    sum.q += q[lane];
    sum.pull_x += pull_x[lane];
    sum.pull_y += pull_y[lane];
    sum.push_x += push_x[lane];
    sum.push_y += push_y[lane];
  }
  sum.q -= 1;  // the point itself
  return sum;
}

// Gradient descent on one coordinate of all points, with a gain per point that grows while its direction stays.
class Descent {
 public:
  explicit Descent(std::size_t count) : velocity_(count, 0.0F), gain_(count, 1.0F) {}

  void step(Row& place, std::size_t i, float gradient, float rate, float momentum) {
    const bool turns = (gradient > 0) == (velocity_[i] > 0);  // the gradient has the sign of the velocity: uphill
    gain_[i] = std::max(.01F, turns ? gain_[i] * .8F : gain_[i] + .2F);
    velocity_[i] = momentum * velocity_[i] - rate * gain_[i] * gradient;
    place[i] += velocity_[i];
  }

 private:
  Row velocity_, gain_;
};

// The principal components, scaled so that the first has the initial spread.
void start_layout(std::span<const float> points, std::int64_t dims, Row& x, Row& y) {
  const std::vector<float> plane = plane_of(points, dims);
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = plane[2 * i];
    y[i] = plane[2 * i + 1];
    sum += x[i];
    squares += static_cast<double>(x[i]) * x[i];
  }
  const auto count = static_cast<double>(x.size());
  const double spread = std::sqrt(std::max(0.0, squares / count - sum / count * (sum / count)));
  const float scale = spread > 0 ? kFirstSpread / static_cast<float>(spread) : 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] *= scale;
    y[i] *= scale;
    // Shifts each point slightly, because coinciding points could never separate.
    x[i] += kFirstSpread * 1e-3F * static_cast<float>(i % 17);
    y[i] += kFirstSpread * 1e-3F * static_cast<float>(i % 13);
  }
}

void check_points(std::span<const float> points, std::int64_t dims) {
  if (dims <= 0 || points.size() % static_cast<std::size_t>(dims) != 0)
    fail("{} numbers do not form points of {} dims", points.size(), dims);
  const std::int64_t count = static_cast<std::int64_t>(points.size()) / dims;
  if (count < kFewestTsnePoints) fail("t-SNE takes at least {} points, not {}", kFewestTsnePoints, count);
  if (count > kMaxTsnePoints)
    fail("t-SNE of {} points: it compares every pair and takes at most {}; use fewer points", count, kMaxTsnePoints);
  if (!std::ranges::all_of(points, [](float each) { return std::isfinite(each); }))
    fail("t-SNE of points that are not all finite: the model has diverged");
}

}  // namespace

std::vector<float> tsne(std::span<const float> points, std::int64_t dims, const TsneOptions& options) {
  check_points(points, dims);
  const std::size_t count = points.size() / static_cast<std::size_t>(dims);
  const double perplexity = std::min(options.perplexity, static_cast<double>(count - 1) / 3);
  const std::vector<float> p = affinities(points, static_cast<std::size_t>(dims), perplexity);
  const float rate = std::max(static_cast<float>(count) / kExaggeration / 4, 50.0F);

  Row x(count), y(count);
  start_layout(points, dims, x, y);
  Descent along_x(count), along_y(count);
  std::vector<Forces> forces(count);
  for (int step = 0; step < options.steps; ++step) {
    const bool early = step < kExaggeratedSteps;
    float total = 0;
    for (std::size_t i = 0; i < count; ++i) {
      forces[i] = forces_on(i, &p[i * count], x, y);
      total += forces[i].q;
    }
    const float attraction = 4 * (early ? kExaggeration : 1), repulsion = 4 / total;
    const float momentum = early ? kFirstMomentum : kLastMomentum;
    for (std::size_t i = 0; i < count; ++i) {
      const Forces& force = forces[i];
      along_x.step(x, i, attraction * force.pull_x - repulsion * force.push_x, rate, momentum);
      along_y.step(y, i, attraction * force.pull_y - repulsion * force.push_y, rate, momentum);
    }
  }
  std::vector<float> layout(2 * count);
  for (std::size_t i = 0; i < count; ++i) {
    layout[2 * i] = x[i];
    layout[2 * i + 1] = y[i];
  }
  return layout;
}

}  // namespace weft::training
