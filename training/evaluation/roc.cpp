// Both areas come from one pass over the sorted scores.
#include "training/evaluation/roc.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ir/error.h"

namespace weft::training {

std::vector<RocPoint> roc_curve(std::span<const double> scores, std::span<const std::int32_t> positive) {
  if (scores.size() != positive.size()) fail("got {} scores for {} samples", scores.size(), positive.size());
  if (std::ranges::any_of(scores, [](double score) { return std::isnan(score); })) fail("a score is NaN");
  const auto positives = static_cast<double>(std::ranges::count_if(positive, [](auto label) { return label != 0; }));
  const double negatives = static_cast<double>(positive.size()) - positives;
  if (positives == 0 || negatives == 0)
    fail("{} of {} samples are anomalies; measuring a ranking needs anomalies and normal samples", positives,
         positive.size());
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  std::vector<RocPoint> curve;
  double hits = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (positive[order[i]] != 0) ++hits;
    const auto taken = static_cast<double>(i + 1);
    const bool last_of_ties = i + 1 == order.size() || scores[order[i + 1]] != scores[order[i]];
    if (last_of_ties) curve.push_back({scores[order[i]], hits / positives, (taken - hits) / negatives, hits / taken});
  }
  return curve;
}

double auroc(std::span<const double> scores, std::span<const std::int32_t> positive) {
  double area = 0, x = 0, y = 0;  // trapezoids: ties count half
  for (const RocPoint& point : roc_curve(scores, positive)) {
    area += (point.false_positive_rate - x) * (point.true_positive_rate + y) / 2;
    x = point.false_positive_rate;
    y = point.true_positive_rate;
  }
  return area;
}

double auprc(std::span<const double> scores, std::span<const std::int32_t> positive) {
  double area = 0, recall = 0;
  for (const RocPoint& point : roc_curve(scores, positive)) {
    area += (point.true_positive_rate - recall) * point.precision;
    recall = point.true_positive_rate;
  }
  return area;
}

std::vector<std::int64_t> largest_of(std::span<const double> scores, std::size_t count) {
  std::vector<std::int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  count = std::min(count, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](std::int64_t a, std::int64_t b) {
                      return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
                    });
  order.resize(count);
  return order;
}

}  // namespace weft::training
