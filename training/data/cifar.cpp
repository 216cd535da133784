// Joins CIFAR-10 batches into one data set.
#include "training/data/cifar.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/visible.h"
#include "training/data/gzip.h"

namespace weft::training {

namespace fs = std::filesystem;
using runtime::HostTensor;

namespace {

constexpr std::int64_t kSide = 32, kChannels = 3;
constexpr std::size_t kPixels = kSide * kSide * kChannels;
constexpr std::size_t kRecord = 1 + kPixels;
constexpr const char* kTestName = "test_batch.bin";

std::vector<fs::path> training_batches(const fs::path& folder) {
  std::vector<fs::path> found;
  for (int batch = 1; batch <= 5; ++batch) {
    const fs::path path = plain_or_gzipped(folder / ("data_batch_" + std::to_string(batch) + ".bin"));
    if (!path.empty()) found.push_back(path);
  }
  return found;
}

std::vector<std::string> class_names_in(const fs::path& folder) {
  const fs::path path = plain_or_gzipped(folder / "batches.meta.txt");
  if (path.empty()) return {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  const std::string text = read_unpacked(path);
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string name = text.substr(begin, end - begin);
    if (name.ends_with('\r')) name.pop_back();
    if (!name.empty()) names.push_back(visible(name));
    begin = end + 1;
  }
  if (names.empty()) fail("{}: names no class; put one name on each line", path.string());
  return names;
}

// Appends the records of a file to the images and labels.
void read_batch(const fs::path& path, int classes, HostTensor& images, std::vector<std::int32_t>& labels) {
  const std::string bytes = read_unpacked(path);
  if (bytes.empty() || bytes.size() % kRecord != 0)
    fail("{}: {} bytes are not a whole number of {}-byte records; it is truncated or not CIFAR-10: download it again",
         path.string(), bytes.size(), kRecord);
  for (std::size_t begin = 0; begin < bytes.size(); begin += kRecord) {
    const int label = static_cast<unsigned char>(bytes[begin]);
    if (label >= classes)
      fail("{}: record {} has label {}, but there are {} classes; the file is damaged or not CIFAR-10", path.string(),
           begin / kRecord, label, classes);
    labels.push_back(label);
    const auto* first = reinterpret_cast<const std::byte*>(bytes.data()) + begin + 1;
    images.bytes.insert(images.bytes.end(), first, first + kPixels);
  }
}

Dataset read_batches(const fs::path& folder, const std::vector<fs::path>& paths) {
  Dataset data{data_name(folder), {ir::DType::u8, {}, {}}, {}, 0, class_names_in(folder)};
  data.classes = static_cast<int>(data.class_names.size());
  std::vector<std::int32_t> labels;
  for (const fs::path& path : paths) read_batch(path, data.classes, data.samples, labels);
  const auto count = static_cast<std::int64_t>(labels.size());
  data.samples.shape = {count, kChannels, kSide, kSide};
  data.labels = HostTensor::of<std::int32_t>(labels, {count});
  return data;
}

}  // namespace

bool is_cifar_folder(const fs::path& folder) {
  return fs::is_directory(folder) &&
         (!training_batches(folder).empty() || !plain_or_gzipped(folder / kTestName).empty());
}

DatasetSplits load_cifar(const fs::path& folder, const LoadOptions& options) {
  const std::vector<fs::path> batches = training_batches(folder);
  if (batches.empty())
    fail("{}: data_batch_1.bin to data_batch_5.bin are missing, plain or .gz; put the training batches into the folder",
         folder.string());
  const fs::path test = plain_or_gzipped(folder / kTestName);
  if (test.empty()) fail("{}: {} is missing, plain or .gz; put it into the folder", folder.string(), kTestName);
  return with_validation(read_batches(folder, batches), read_batches(folder, {test}), options);
}

}  // namespace weft::training
