// Folders of PNG files, one folder a class.
#pragma once

#include <filesystem>

#include "training/data/dataset.h"

namespace weft::training {

// Whether it holds CLASS/*.png or train/CLASS/*.png.
bool is_image_folder(const std::filesystem::path& folder);
// train/CLASS/*.png and test/CLASS/*.png; or CLASS/*.png, of which one in five is drawn to test. Classes are sorted by
// name; samples stand in an order drawn by the seed, so that the first of them are of all classes. Where any picture
// has colour, all have. Throws Error where pictures differ in size, one cannot be read, or a class is in test alone.
DatasetSplits load_image_folder(const std::filesystem::path& folder, const LoadOptions& options);

}  // namespace weft::training
