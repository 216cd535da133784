// The binary version of CIFAR-10: records of one label byte and the three planes of a 32 x 32 picture.
#pragma once

#include <filesystem>

#include "training/data/dataset.h"

namespace weft::training {

// Whether a batch of it is there.
bool is_cifar_folder(const std::filesystem::path& folder);
// Reads those training batches that are there, each plain or gzipped. Classes are named by batches.meta.txt, or the
// published names. Throws Error where no training batch or test_batch.bin is there, a file is cut short, or a label is
// no class.
DatasetSplits load_cifar(const std::filesystem::path& folder, const LoadOptions& options);

}  // namespace weft::training
