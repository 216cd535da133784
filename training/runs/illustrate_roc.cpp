// The ROC curve, and precision by recall.
#include "training/runs/illustrate_roc.h"

#include "training/evaluation/roc.h"
#include "training/plot/chart.h"

namespace weft::training {

Picture picture_roc(std::span<const double> scores, std::span<const std::int32_t> positive) {
  Series roc{"detector", {0}, {0}, series_color(0), false};
  for (const RocPoint& point : roc_curve(scores, positive)) {
    roc.x.push_back(point.false_positive_rate);
    roc.y.push_back(point.true_positive_rate);
  }
  const Series chance{"chance", {0, 1}, {0, 1}, series_color(7), true};
  return line_chart({.title = "ROC", .x_label = "false positive rate", .y_label = "true positive rate"}, {roc, chance});
}

Picture picture_precision_recall(std::span<const double> scores, std::span<const std::int32_t> positive) {
  Series precision{"detector", {}, {}, series_color(0), false};
  for (const RocPoint& point : roc_curve(scores, positive)) {
    precision.x.push_back(point.true_positive_rate);
    precision.y.push_back(point.precision);
  }
  return line_chart({.title = "Precision and recall", .x_label = "recall", .y_label = "precision"}, {precision});
}

}  // namespace weft::training
