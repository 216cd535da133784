// Expectation maximisation with full covariances.
#include "training/stats/mixture.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>

#include "ir/error.h"
#include "runtime/rng.h"
#include "training/stats/matrix.h"

namespace weft::training {

using runtime::HostTensor;

namespace {

constexpr std::uint32_t kStartStream = 0x6d697831, kComponentStream = 0x6d697832, kNormalStream = 0x6d697833;
constexpr double kRidge = 1e-3;  // keeps components of few rows from collapsing

using Shares = std::vector<std::vector<double>>;  // [component][row]: the component's share of the row

// Assigns each row to the nearest centre. Each centre is a row, drawn in proportion to its squared distance from
// earlier centres (Arthur & Vassilvitskii, "k-means++", 2007).
Shares nearest_shares(const HostTensor& rows, std::size_t components, std::uint64_t seed) {
  const auto count = static_cast<std::size_t>(rows.shape[0]);
  const auto all = map(rows.as<float>(), rows.shape[1]);
  const auto row = [&](std::size_t i) { return all.row(static_cast<std::int64_t>(i)).cast<double>(); };
  std::vector<double> distance(count, 1.0);  // from the nearest centre; at first all rows are equally likely
  std::vector<std::size_t> nearest(count, 0);
  for (std::size_t k = 0; k < components; ++k) {
    const double total = std::accumulate(distance.begin(), distance.end(), 0.0);
    double left = total * runtime::uniform<double>({seed, kStartStream, 0}, static_cast<std::uint32_t>(k));
    std::size_t centre = 0;
    while (centre + 1 < count && (left -= distance[centre]) >= 0) ++centre;
    for (std::size_t i = 0; i < count; ++i) {
      const double here = (row(i) - row(centre)).squaredNorm();
      if (k > 0 && here >= distance[i]) continue;
      distance[i] = here;
      nearest[i] = k;
    }
  }
  Shares shares(components, std::vector<double>(count, 0.0));
  for (std::size_t i = 0; i < count; ++i) shares[nearest[i]][i] = 1;
  return shares;
}

// log(weight N(row)) for each row, without the constant that all components share.
std::vector<double> log_densities(const Gaussian& part, double weight, const HostTensor& rows) {
  const double offset = std::log(weight) - map(std::span(part.factor()), part.columns()).diagonal().array().log().sum();
  std::vector<double> densities = squared_lengths(part.whiten(rows));
  for (double& each : densities) each = offset - each / 2;
  return densities;
}

// Turns log densities into shares; returns the mean log-likelihood per row.
double normalise(Shares& shares) {
  const std::size_t count = shares.front().size();
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (const auto& component : shares) largest = std::max(largest, component[i]);
    for (const auto& component : shares) sum += std::exp(component[i] - largest);
    const double log_sum = largest + std::log(sum);
    for (auto& component : shares) component[i] = std::exp(component[i] - log_sum);
    total += log_sum;
  }
  return total / static_cast<double>(count);
}

}  // namespace

Mixture::Mixture(const HostTensor& rows, std::int64_t components, std::uint64_t seed) {
  constexpr int most_rounds = 100;
  constexpr double enough = 1e-4;  // minimum gain of a round, in nats per row
  check(components > 0 && rows.shape.size() == 2 && rows.shape[0] > 0, "a mixture is fitted to rows");
  const auto count = static_cast<double>(rows.shape[0]);
  Shares shares = nearest_shares(rows, static_cast<std::size_t>(std::min(components, rows.shape[0])), seed);
  for (int round = 0; round < most_rounds; ++round) {
    weights_.clear();
    parts_.clear();
    for (std::vector<double>& share : shares) {
      const double weight = std::accumulate(share.begin(), share.end(), 0.0) / count;
      if (weight < 1e-9) continue;  // the component is empty
      weights_.push_back(weight);
      parts_.emplace_back(rows, kRidge, share);
    }
    shares.clear();
    for (std::size_t k = 0; k < parts_.size(); ++k) shares.push_back(log_densities(parts_[k], weights_[k], rows));
    log_likelihoods_.push_back(normalise(shares));
    if (round > 0 && log_likelihoods_.back() - log_likelihoods_[log_likelihoods_.size() - 2] < enough) break;
  }
}

std::vector<float> Mixture::draw(std::int64_t count, std::uint64_t seed) const {
  const std::int64_t width = parts_.front().columns();
  std::vector<float> drawn;
  drawn.reserve(static_cast<std::size_t>(count * width));
  Eigen::VectorXd normals(width);
  for (std::int64_t i = 0; i < count; ++i) {
    double left = runtime::uniform<double>({seed, kComponentStream, 0}, static_cast<std::uint32_t>(i));
    std::size_t k = 0;
    while (k + 1 < parts_.size() && (left -= weights_[k]) >= 0) ++k;
    for (std::int64_t j = 0; j < width; ++j)
      normals[j] =
          runtime::normal<double>({seed, kNormalStream, static_cast<std::uint64_t>(i)}, static_cast<std::uint32_t>(j));
    const Gaussian& part = parts_[k];
    const Eigen::VectorXd code =
        map(part.mean()) + map(std::span(part.factor()), width).triangularView<Eigen::Lower>() * normals;
    std::ranges::transform(code, std::back_inserter(drawn), [](double value) { return static_cast<float>(value); });
  }
  return drawn;
}

}  // namespace weft::training
