// Folders of PNG files, one folder per class.
#pragma once

#include <filesystem>

#include "training/data/dataset.h"

namespace weft::training {

// Whether the folder holds CLASS/*.png or train/CLASS/*.png.
bool is_image_folder(const std::filesystem::path& folder);
// Reads train/CLASS/*.png and test/CLASS/*.png; or CLASS/*.png, of which one image in five is for the test. Classes are
// sorted by name. The seed shuffles the samples, so that the first ones show all classes. If any image has colour, all
// get three channels. Throws Error if images differ in size, an image cannot be read, or a class is only in test.
DatasetSplits load_image_folder(const std::filesystem::path& folder, const LoadOptions& options);

}  // namespace weft::training
