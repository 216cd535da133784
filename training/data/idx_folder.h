// A folder of IDX files as a data set: MNIST, Fashion-MNIST and similar sets.
#pragma once

#include <filesystem>

#include "training/data/dataset.h"

namespace weft::training {

// Whether the folder holds any of the four files.
bool is_idx_folder(const std::filesystem::path& folder);
// Throws Error if a file is missing or the files do not match.
DatasetSplits load_idx(const std::filesystem::path& folder, const LoadOptions& options);

}  // namespace weft::training
