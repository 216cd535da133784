// How well scores rank anomalies above normal samples: areas under the ROC and precision-recall curves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weft::training {

// `positive` is not 0 for positives; a larger score means more likely positive. All functions throw Error if the two
// differ in size, a score is NaN, or there are no positives or no negatives.

// The probability that a positive scores above a negative, where ties count half: (R - n1(n1+1)/2) / (n1 n0) with R the
// sum of the positives' ranks.
double auroc(std::span<const double> scores, std::span<const std::int32_t> positive);
// Average precision: the sum over thresholds of precision times the rise in recall.
double auprc(std::span<const double> scores, std::span<const std::int32_t> positive);

// One point per threshold, strictest first; equal scores share a point.
struct RocPoint {
  double threshold;
  double true_positive_rate;  // recall
  double false_positive_rate;
  double precision;
};
std::vector<RocPoint> roc_curve(std::span<const double> scores, std::span<const std::int32_t> positive);

// The indices of the `count` largest scores, or of all if there are fewer, largest first.
std::vector<std::int64_t> largest_of(std::span<const double> scores, std::size_t count);

}  // namespace weft::training
