// Data sets of .npy files: images in several layouts, tables, and their labels.
#include <algorithm>
#include <cmath>

#include "ir/error.h"
#include "training/data/npy.h"
#include "training/data/table.h"

namespace weft::training {

namespace fs = std::filesystem;
using ir::DType;
using runtime::HostTensor;

namespace {

struct Labels {
  std::vector<std::int32_t> values;  // empty if there are none
  int classes = 1;
};

Labels read_labels(const fs::path& path, const fs::path& images, std::int64_t count) {
  constexpr std::int32_t most = 10'000;
  if (!fs::exists(path)) return {};
  HostTensor tensor = read_npy(path);
  if (tensor.shape != std::vector<std::int64_t>{count})
    fail("{} holds {}, but {} has {} samples; labels are [N], one per sample", path.string(), to_string(tensor),
         images.string(), count);
  Labels labels;
  if (tensor.dtype == DType::u8) {
    const auto bytes = tensor.as<std::uint8_t>();
    labels.values.assign(bytes.begin(), bytes.end());
  } else if (tensor.dtype == DType::i32) {
    const auto numbers = tensor.as<std::int32_t>();
    labels.values.assign(numbers.begin(), numbers.end());
  } else {
    fail("{} holds {}; labels are whole numbers: save them with labels.astype('i4')", path.string(), to_string(tensor));
  }
  for (std::size_t i = 0; i < labels.values.size(); ++i)
    if (labels.values[i] < 0 || labels.values[i] >= most)
      fail("{}: label {} of sample {} is out of range; labels count from 0 to at most {}", path.string(),
           labels.values[i], i, most - 1);
  labels.classes = 1 + std::ranges::max(labels.values);
  return labels;
}

void check_finite(const fs::path& path, const HostTensor& tensor) {
  const auto values = tensor.as<float>();
  const auto row = static_cast<std::int64_t>(values.size()) / std::max<std::int64_t>(1, tensor.shape[0]);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      fail("{}: sample {}, element {}: {} is not a finite number", path.string(), static_cast<std::int64_t>(i) / row,
           static_cast<std::int64_t>(i) % row, values[i]);
}

// --- Images ----------------------------------------------------------------------------------------------------------

// Floats in [0,1] or [0,255] as bytes.
HostTensor as_bytes(const fs::path& path, const HostTensor& tensor) {
  if (tensor.dtype == DType::u8) return tensor;
  if (tensor.dtype != DType::f32)
    fail("{} holds {}; images are bytes or floats: save them with images.astype('u1')", path.string(),
         to_string(tensor));
  check_finite(path, tensor);
  const auto values = tensor.as<float>();
  const auto [low, high] = std::ranges::minmax(values);
  if (low < 0 || high > 255)
    fail("{}: its values range from {} to {}; pixels are in [0,1] or [0,255]", path.string(), low, high);
  const float scale = high <= 1 ? 255 : 1;
  HostTensor bytes = HostTensor::zeros(DType::u8, tensor.shape);
  std::ranges::transform(values, bytes.as<std::uint8_t>().begin(),
                         [scale](float value) { return static_cast<std::uint8_t>(value * scale + .5F); });
  return bytes;
}

bool is_channels(std::int64_t dim) { return dim == 1 || dim == 3; }

// [N,H,W,C] as [N,C,H,W].
HostTensor channels_first(const HostTensor& tensor) {
  const std::int64_t count = tensor.shape[0], height = tensor.shape[1], width = tensor.shape[2],
                     channels = tensor.shape[3];
  HostTensor planes = HostTensor::zeros(DType::u8, {count, channels, height, width});
  const auto from = tensor.as<std::uint8_t>();
  auto out = planes.as<std::uint8_t>().begin();
  const auto plane = static_cast<std::size_t>(height * width), step = static_cast<std::size_t>(channels);
  for (std::size_t n = 0; n < static_cast<std::size_t>(count); ++n)
    for (std::size_t channel = 0; channel < step; ++channel)
      for (std::size_t i = 0; i < plane; ++i) *out++ = from[(n * plane + i) * step + channel];
  return planes;
}

HostTensor images_of(const fs::path& path, const HostTensor& tensor) {
  HostTensor bytes = as_bytes(path, tensor);
  std::vector<std::int64_t>& shape = bytes.shape;
  if (shape.size() == 3) shape.insert(shape.begin() + 1, 1);
  if (shape.size() == 4 && is_channels(shape[1])) return bytes;
  if (shape.size() == 4 && is_channels(shape[3])) return channels_first(bytes);
  fail("{} holds {}; images are [N,H,W], [N,C,H,W] or [N,H,W,C] with 1 or 3 channels, a table is [N,D]", path.string(),
       to_string(tensor));
}

// --- Data sets -------------------------------------------------------------------------------------------------------

struct Part {
  fs::path path;
  HostTensor samples;
  Labels labels;
};

Part read_part(const fs::path& images, const fs::path& labels) {
  Part part{images, read_npy(images), {}};
  if (part.samples.shape.size() < 2 || part.samples.elements() == 0)
    fail("{} holds {}; images are [N,H,W], [N,C,H,W] or [N,H,W,C], a table is [N,D]", images.string(),
         to_string(part.samples));
  part.labels = read_labels(labels, images, part.samples.shape[0]);
  return part;
}

bool is_table(const Part& part) { return part.samples.shape.size() == 2; }

Table table_of(const Part& part, int classes) {
  Table table;
  for (std::int64_t column = 0; column < part.samples.shape[1]; ++column)
    table.names.push_back(fmt::format("column {}", column + 1));
  table.rows = part.samples.shape[0];
  const auto append = [&](const auto values) { table.values.assign(values.begin(), values.end()); };
  if (part.samples.dtype == DType::u8) append(part.samples.as<std::uint8_t>());
  if (part.samples.dtype == DType::i32) append(part.samples.as<std::int32_t>());
  if (part.samples.dtype == DType::f32) {
    check_finite(part.path, part.samples);
    append(part.samples.as<float>());
  }
  table.labels = part.labels.values;
  if (!table.labels.empty()) table.class_names = numbered_classes(classes);
  return table;
}

Dataset image_set(const std::string& name, const Part& part, int classes) {
  const std::int64_t count = part.samples.shape[0];
  Dataset data{name, images_of(part.path, part.samples), HostTensor::zeros(DType::i32, {count}), classes,
               numbered_classes(classes)};
  std::ranges::copy(part.labels.values, data.labels.as<std::int32_t>().begin());
  return data;
}

DatasetSplits load_pair(const std::string& name, const Part& train, const Part& test, const LoadOptions& options) {
  const std::vector<std::int64_t>&a = train.samples.shape, &b = test.samples.shape;
  if (!std::equal(a.begin() + 1, a.end(), b.begin() + 1, b.end()))
    fail("{} holds {}, but {} holds {}; training and test samples need the same shape", train.path.string(),
         to_string(train.samples), test.path.string(), to_string(test.samples));
  const int classes = std::max(train.labels.classes, test.labels.classes);
  if (is_table(train)) return table_splits(name, table_of(train, classes), table_of(test, classes), options);
  return with_validation(image_set(name, train, classes), image_set(name, test, classes), options);
}

}  // namespace

bool is_npy(const fs::path& path) {
  if (fs::is_directory(path)) return fs::exists(path / "train_images.npy");
  return path.extension() == ".npy";
}

DatasetSplits load_npy(const fs::path& path, const LoadOptions& options) {
  const std::string name = data_name(path);
  if (!fs::is_directory(path)) {
    const Part all = read_part(path, path.parent_path() / "labels.npy");
    if (is_table(all)) return table_splits(name, table_of(all, all.labels.classes), options);
    return split_at_random(image_set(name, all, all.labels.classes), options);
  }
  const Part train = read_part(path / "train_images.npy", path / "train_labels.npy");
  const fs::path test = path / "test_images.npy";
  if (fs::exists(test)) return load_pair(name, train, read_part(test, path / "test_labels.npy"), options);
  fail("{}: test_images.npy is missing; put it beside train_images.npy, or name that file to split it", path.string());
}

}  // namespace weft::training
