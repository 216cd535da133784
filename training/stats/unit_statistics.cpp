// Moments over the rows of [N,dims], one unit at a time.
#include "training/stats/unit_statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "ir/error.h"

namespace weft::training {

namespace {

UnitStatistics unit_statistics(std::span<const float> codes, std::span<const float> logvar, std::size_t dims,
                               std::size_t unit) {
  const std::size_t samples = codes.size() / dims;
  const auto count = static_cast<double>(samples);
  UnitStatistics result;
  double within = 0;  // mean variance of q(z|x)
  for (std::size_t i = unit; i < codes.size(); i += dims) result.mean += codes[i] / count;
  for (std::size_t i = unit; i < codes.size(); i += dims) {
    const double code = codes[i], away = code - result.mean;
    result.mean_variance += away * away / count;
    if (logvar.empty()) continue;
    const double variance = std::exp(static_cast<double>(logvar[i]));
    within += variance / count;
    result.kl += .5 * (code * code + variance - 1 - logvar[i]) / count;
  }
  result.variance = result.mean_variance + within;
  result.active = result.mean_variance > kActiveVariance;
  return result;
}

}  // namespace

std::int64_t LatentStatistics::active() const { return std::ranges::count_if(units, &UnitStatistics::active); }

double LatentStatistics::kl() const {
  double sum = 0;
  for (const UnitStatistics& unit : units) sum += unit.kl;
  return sum;
}

std::string LatentStatistics::collapse_warning() const {
  const std::int64_t all = static_cast<std::int64_t>(units.size()), used = active();
  if (!has_posterior || 2 * used > all) return "";
  return fmt::format(
      "{} of {} units of the latent space are inactive: their posterior is the prior for every sample (posterior "
      "collapse); train with a smaller beta, a warm-up of the KL divergence, or fewer units",
      all - used, all);
}

std::vector<std::int64_t> LatentStatistics::by_weight() const {
  std::vector<std::int64_t> order(units.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const auto weight = [&](std::int64_t unit) {
    const UnitStatistics& each = units[static_cast<std::size_t>(unit)];
    return has_posterior ? each.kl : each.mean_variance;
  };
  std::ranges::stable_sort(order, std::ranges::greater(), weight);
  return order;
}

LatentStatistics latent_statistics(std::span<const float> codes, std::span<const float> logvar, std::int64_t dims) {
  if (dims <= 0 || codes.empty() || codes.size() % static_cast<std::size_t>(dims) != 0 ||
      (!logvar.empty() && logvar.size() != codes.size()))
    fail("no statistics of {} codes and {} log variances of {} units", codes.size(), logvar.size(), dims);
  LatentStatistics result;
  result.has_posterior = !logvar.empty();
  for (std::size_t unit = 0; unit < static_cast<std::size_t>(dims); ++unit)
    result.units.push_back(unit_statistics(codes, logvar, static_cast<std::size_t>(dims), unit));
  return result;
}

}  // namespace weft::training
