// The four files of an IDX data set, by their fixed names.
#include "training/data/idx_folder.h"

#include <algorithm>

#include "ir/error.h"
#include "training/data/idx.h"

namespace weft::training {

namespace fs = std::filesystem;

namespace {

std::vector<std::string> class_names_of(const std::string& name, int classes) {
  if (name.find("fashion") != std::string::npos && classes == 10) {
    return {"T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"};
  }
  return numbered_classes(classes);
}

struct IdxNames {
  const char* images;
  const char* labels;
};
constexpr IdxNames kIdxTrain{"train-images", "train-labels"};
constexpr IdxNames kIdxTest{"t10k-images", "t10k-labels"};

// The published names end in -idx3-ubyte.gz; unpacked copies drop .gz, and some have a dot instead of the hyphen.
std::vector<std::string> idx_candidates(const std::string& stem) {
  const std::string rank = stem.ends_with("images") ? "idx3" : "idx1";
  std::vector<std::string> names;
  for (const char* separator : {"-", "."}) {
    for (const char* ending : {"-ubyte", "-ubyte.gz"}) names.push_back(stem + separator + rank + ending);
  }
  return names;
}

std::optional<fs::path> find_idx(const fs::path& folder, const std::string& stem) {
  for (const std::string& name : idx_candidates(stem)) {
    if (fs::exists(folder / name)) return folder / name;
  }
  return std::nullopt;
}

fs::path need_idx(const fs::path& folder, const std::string& stem) {
  if (const auto path = find_idx(folder, stem)) return *path;
  fail("{}: {} is missing, plain or .gz; put all four files of the data set into the folder", folder.string(),
       idx_candidates(stem)[0]);
}

}  // namespace

bool is_idx_folder(const fs::path& folder) {
  return std::ranges::any_of(
      std::initializer_list<const char*>{kIdxTrain.images, kIdxTrain.labels, kIdxTest.images, kIdxTest.labels},
      [&](const char* stem) { return find_idx(folder, stem).has_value(); });
}

DatasetSplits load_idx(const fs::path& folder, const LoadOptions& options) {
  const fs::path train_images = need_idx(folder, kIdxTrain.images);
  const fs::path train_labels = need_idx(folder, kIdxTrain.labels);
  const fs::path test_images = need_idx(folder, kIdxTest.images);
  const fs::path test_labels = need_idx(folder, kIdxTest.labels);
  LabelledImages train = read_idx_pair(train_images, train_labels);
  LabelledImages test = read_idx_pair(test_images, test_labels);
  for (std::size_t axis = 1; axis < 4; ++axis) {
    if (train.images.shape[axis] != test.images.shape[axis]) {
      fail("{} holds images {}, but {} holds {}; take all four files from one data set", train_images.string(),
           to_string(train.images), test_images.string(), to_string(test.images));
    }
  }
  const int classes =
      1 + std::max(std::ranges::max(train.labels.as<std::int32_t>()), std::ranges::max(test.labels.as<std::int32_t>()));
  const std::string name = data_name(folder);
  const auto named = [&](LabelledImages&& samples) {
    return Dataset{name, std::move(samples.images), std::move(samples.labels), classes, class_names_of(name, classes)};
  };
  return with_validation(named(std::move(train)), named(std::move(test)), options);
}

}  // namespace weft::training
