// Draws the ROC and precision-recall curves.
#include "training/runs/illustrate_roc.h"

#include <fmt/format.h>

#include <algorithm>

#include "training/evaluation/roc.h"
#include "training/plot/chart.h"

namespace weft::training {

namespace {

// A frame for rates: both axes from 0 to 1.
ChartFrame frame_of(const char* title, const char* x_label, const char* y_label) {
  return {.title = title,
          .x_label = x_label,
          .y_label = y_label,
          .width = 640,
          .height = 600,
          .x_range = Range{0, 1},
          .y_range = Range{0, 1}};
}

Series chance(std::vector<double> y) { return {"chance", {0, 1}, std::move(y), series_color(7), true}; }

}  // namespace

Canvas picture_roc(std::span<const double> scores, std::span<const std::int32_t> positive) {
  Series roc{fmt::format("detector, area {:.4f}", auroc(scores, positive)), {0}, {0}, series_color(0), false};
  for (const RocPoint& point : roc_curve(scores, positive)) {
    roc.x.push_back(point.false_positive_rate);
    roc.y.push_back(point.true_positive_rate);
  }
  return line_chart(frame_of("ROC", "false positive rate", "true positive rate"), {roc, chance({0, 1})});
}

Canvas picture_precision_recall(std::span<const double> scores, std::span<const std::int32_t> positive) {
  Series precision{fmt::format("detector, area {:.4f}", auprc(scores, positive)), {}, {}, series_color(0), false};
  for (const RocPoint& point : roc_curve(scores, positive)) {
    precision.x.push_back(point.true_positive_rate);
    precision.y.push_back(point.precision);
  }
  const double share =
      double(std::ranges::count_if(positive, [](std::int32_t label) { return label != 0; })) / double(positive.size());
  return line_chart(frame_of("Precision and recall", "recall", "precision"), {precision, chance({share, share})});
}

}  // namespace weft::training
