// anomaly.json, and neighbours.npy for images: the state of a run's detector besides the weights of its model.
#pragma once

#include "training/evaluation/anomaly.h"
#include "training/runs/run_directory.h"

namespace weft::training {

void write_detector(const RunDirectory& run, const Detector& detector);
// Throws Error with the file if it is missing or damaged.
Normality read_normality(const std::filesystem::path& path);
Detector read_detector(const RunDirectory& run, Session& session);

}  // namespace weft::training
