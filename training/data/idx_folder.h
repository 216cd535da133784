// A folder of IDX files as a data set: MNIST, Fashion-MNIST and their kin.
#pragma once

#include <filesystem>

#include "training/data/dataset.h"

namespace weft::training {

// Whether any of the four files is there.
bool is_idx_folder(const std::filesystem::path& folder);
// Throws Error where one is missing, or they do not belong together.
DatasetSplits load_idx(const std::filesystem::path& folder, const LoadOptions& options);

}  // namespace weft::training
