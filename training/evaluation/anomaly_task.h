// What a detector of anomalies is tried on, and how well it does there.
#pragma once

#include <cstdint>
#include <filesystem>

#include "training/data/dataset.h"
#include "training/evaluation/anomaly.h"

namespace weft::training {

// Normal samples to learn from, and samples to score, whose labels are 1 for an anomaly.
struct AnomalyTask {
  Dataset normal, test;
};

// Half of the normal rows to learn from, drawn by the seed; the other half and all anomalies to score. Columns have
// mean 0 and variance 1 over the former. Throws Error where the last column is not 1 for anomalies and 0 for others.
AnomalyTask table_task(const std::filesystem::path& path, std::uint64_t seed);

// Training images of one class to learn from; all test images to score, those of other classes anomalies.
AnomalyTask image_task(const DatasetSplits& data, int normal_class);

std::int64_t anomalies_in(const Dataset& test);

struct AnomalyOutcome {
  double auroc = 0, auprc = 0, threshold = 0;
  double distance_auroc = 0, error_auroc = 0;        // of each view alone
  double flagged_anomalies = 0, flagged_normal = 0;  // shares above the threshold
};
AnomalyOutcome measure(const Scores& scores, const Dataset& test, double threshold);

// The number of principal components whose residual ranks the test rows best, chosen by their labels: an upper bound.
struct BestComponents {
  std::int64_t count = 0;
  double auroc = 0;
};
BestComponents best_components(const AnomalyTask& task);

}  // namespace weft::training
