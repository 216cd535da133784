// The binary version of CIFAR-10: records of one label byte and the three planes of a 32 x 32 image.
#pragma once

#include <filesystem>

#include "training/data/dataset.h"

namespace weft::training {

// Whether the folder holds a batch.
bool is_cifar_folder(const std::filesystem::path& folder);
// Reads the training batches in the folder, plain or gzipped. Class names come from batches.meta.txt, else they are the
// published ones. Throws Error if there is no training batch or no test_batch.bin, a file is truncated, or a label is
// out of range.
DatasetSplits load_cifar(const std::filesystem::path& folder, const LoadOptions& options);

}  // namespace weft::training
