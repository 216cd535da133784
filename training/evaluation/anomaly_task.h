// Evaluation tasks for anomaly detectors, and their measures.
#pragma once

#include <cstdint>
#include <filesystem>

#include "training/data/dataset.h"
#include "training/evaluation/anomaly.h"

namespace weft::training {

// Normal samples for training, and test samples with label 1 for an anomaly.
struct AnomalyTask {
  Dataset normal, test;
};

// Training set: half of the normal rows, drawn by the seed. Test set: the other half and all anomalies. Columns have
// mean 0 and variance 1 over the training rows. Throws Error if the last column is not 1 for anomalies and 0 for
// others.
AnomalyTask table_task(const std::filesystem::path& path, std::uint64_t seed);

// Training set: the training images of one class. Test set: all test images; other classes are anomalies.
AnomalyTask image_task(const DatasetSplits& data, int normal_class);

std::int64_t anomalies_in(const Dataset& test);

struct AnomalyOutcome {
  double auroc = 0, auprc = 0, threshold = 0;
  double distance_auroc = 0, error_auroc = 0;        // of each part alone
  double flagged_anomalies = 0, flagged_normal = 0;  // shares above the threshold
};
AnomalyOutcome measure(const Scores& scores, const Dataset& test, double threshold);

// The number of principal components whose residual ranks the test rows best. The test labels select it, so it is an
// upper bound.
struct BestComponents {
  std::int64_t count = 0;
  double auroc = 0;
};
BestComponents best_components(const AnomalyTask& task);

}  // namespace weft::training
