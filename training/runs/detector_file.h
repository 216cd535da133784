// anomaly.json, and neighbours.npy for pictures: what a run's detector knows beside the weights of its model.
#pragma once

#include "training/evaluation/anomaly.h"
#include "training/runs/run_directory.h"

namespace weft::training {

void write_detector(const RunDirectory& run, const Detector& detector);
// Throws Error with the file where it is missing or damaged.
Normality read_normality(const std::filesystem::path& path);
Detector read_detector(const RunDirectory& run, Session& session);

}  // namespace weft::training
