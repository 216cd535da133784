// How well scores put what is strange above what is normal: areas under the ROC and the precision-recall curve.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weft::training {

// Of a class: `positive` is not 0 for its members, `scores` are larger the surer one is. All throw Error where the two
// differ in number, a score is NaN, or one of the two classes is empty.

// The chance that a positive scores above a negative, ties counted half: (R - n1(n1+1)/2) / (n1 n0) with R the sum of
// the positives' ranks.
double auroc(std::span<const double> scores, std::span<const std::int32_t> positive);
// Average precision: the sum over thresholds of precision times the rise in recall.
double auprc(std::span<const double> scores, std::span<const std::int32_t> positive);

// One point a threshold, the strictest first; equal scores share one.
struct RocPoint {
  double threshold;
  double true_positive_rate;  // recall
  double false_positive_rate;
  double precision;
};
std::vector<RocPoint> roc_curve(std::span<const double> scores, std::span<const std::int32_t> positive);

// The indices of the `count` largest scores, or of all where they are fewer, the largest first.
std::vector<std::int64_t> largest_of(std::span<const double> scores, std::size_t count);

}  // namespace weft::training
