// Builds tasks from tables and images, and measures the scores of a detector.
#include "training/evaluation/anomaly_task.h"

#include <algorithm>
#include <string>
#include <vector>

#include "ir/error.h"
#include "training/data/csv.h"
#include "training/data/table.h"
#include "training/evaluation/roc.h"
#include "training/stats/gaussian.h"

namespace weft::training {

namespace {

std::vector<std::int64_t> samples_of(const Dataset& data, int label) {
  std::vector<std::int64_t> samples;
  const auto labels = data.labels.as<std::int32_t>();
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] == label) samples.push_back(static_cast<std::int64_t>(i));
  return samples;
}

}  // namespace

AnomalyTask table_task(const std::filesystem::path& path, std::uint64_t seed) {
  const Table table = read_csv(path, LastColumn::label);
  if (table.class_names != std::vector<std::string>{"0", "1"})
    fail("{}: the last column holds {}; it must hold 1 for anomalies and 0 for normal rows, and some of both",
         path.string(), fmt::join(table.class_names, ", "));
  const std::string name = data_name(path);
  Dataset data = to_dataset(name, table, unit_range(table));
  const std::vector<std::int64_t> normal = samples_of(data, 0);
  std::vector<std::int64_t> learn, score = samples_of(data, 1);
  for (const std::int64_t index : shuffled_indices(static_cast<std::int64_t>(normal.size()), seed))
    (learn.size() < normal.size() / 2 ? learn : score).push_back(normal[static_cast<std::size_t>(index)]);
  std::ranges::sort(learn);
  std::ranges::sort(score);
  if (learn.empty()) fail("{}: {} normal rows are too few", path.string(), normal.size());
  const std::vector<Column> columns = standardising(data.columns, take(data, learn).samples);
  data = to_dataset(name, table, columns);
  return {take(data, learn), take(data, score)};
}

AnomalyTask image_task(const DatasetSplits& data, int normal_class) {
  AnomalyTask task{take(data.train, samples_of(data.train, normal_class)), data.test};
  for (std::int32_t& label : task.test.labels.as<std::int32_t>()) label = label != normal_class;
  return task;
}

std::int64_t anomalies_in(const Dataset& test) { return static_cast<std::int64_t>(samples_of(test, 1).size()); }

AnomalyOutcome measure(const Scores& all, const Dataset& test, double threshold) {
  const std::vector<double>& scores = all.total;
  const auto labels = test.labels.as<std::int32_t>();
  AnomalyOutcome outcome{auroc(scores, labels),
                         auprc(scores, labels),
                         threshold,
                         auroc(all.distance, labels),
                         auroc(all.error, labels),
                         0,
                         0};
  double anomalies = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    anomalies += labels[i];
    if (scores[i] > threshold) ++(labels[i] != 0 ? outcome.flagged_anomalies : outcome.flagged_normal);
  }
  outcome.flagged_anomalies /= anomalies;
  outcome.flagged_normal /= static_cast<double>(scores.size()) - anomalies;
  return outcome;
}

BestComponents best_components(const AnomalyTask& task) {
  constexpr std::int64_t counts[] = {1, 2, 4, 8, 16};
  const auto residuals = component_residuals(task.normal.samples, task.test.samples, counts);
  BestComponents best;
  for (std::size_t i = 0; i < residuals.size(); ++i) {
    const double area = auroc(residuals[i], task.test.labels.as<std::int32_t>());
    if (area > best.auroc) best = {counts[i], area};
  }
  return best;
}

}  // namespace weft::training
