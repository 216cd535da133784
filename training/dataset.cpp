// Splitting data sets, and the table of folder formats that load_dataset knows.
#include "training/dataset.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "ir/error.h"
#include "runtime/rng.h"
#include "training/idx.h"

namespace weft::training {

namespace fs = std::filesystem;
using runtime::HostTensor;

namespace {

constexpr std::uint32_t shuffle_stream = 0x73687566;  // "shuf": apart from the op ids that graphs use as streams

HostTensor take_rows(const HostTensor& tensor, std::span<const std::int64_t> indices) {
  const std::int64_t rows = tensor.shape.at(0);
  std::vector<std::int64_t> shape = tensor.shape;
  shape[0] = static_cast<std::int64_t>(indices.size());
  HostTensor taken = HostTensor::zeros(tensor.dtype, std::move(shape));
  const std::size_t row_bytes = rows == 0 ? 0 : tensor.bytes.size() / static_cast<std::size_t>(rows);
  auto out = taken.bytes.begin();
  for (const std::int64_t index : indices) {
    if (index < 0 || index >= rows) fail("sample {} asked of a data set of {}", index, rows);
    out = std::copy_n(tensor.bytes.begin() + index * static_cast<std::int64_t>(row_bytes), row_bytes, out);
  }
  return taken;
}

std::vector<std::string> class_names_of(const std::string& name, int classes) {
  if (name.find("fashion") != std::string::npos && classes == 10) {
    return {"T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"};
  }
  std::vector<std::string> names;
  for (int label = 0; label < classes; ++label) names.push_back(std::to_string(label));
  return names;
}

std::string folder_name(const fs::path& folder) {
  const fs::path clean = fs::absolute(folder).lexically_normal();
  return (clean.has_filename() ? clean : clean.parent_path()).filename().string();
}

// --- IDX: four files with fixed names ------------------------------------------------------------------------------

struct IdxNames {
  const char* images;
  const char* labels;
};
constexpr IdxNames idx_train{"train-images", "train-labels"};
constexpr IdxNames idx_test{"t10k-images", "t10k-labels"};

// The published names end in -idx3-ubyte.gz; unpacked copies drop .gz, and some have a dot for the hyphen.
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

bool is_idx_folder(const fs::path& folder) {
  return std::ranges::any_of(
      std::initializer_list<const char*>{idx_train.images, idx_train.labels, idx_test.images, idx_test.labels},
      [&](const char* stem) { return find_idx(folder, stem).has_value(); });
}

DatasetSplits load_idx(const fs::path& folder, const LoadOptions& options) {
  const fs::path train_images = need_idx(folder, idx_train.images);
  const fs::path train_labels = need_idx(folder, idx_train.labels);
  const fs::path test_images = need_idx(folder, idx_test.images);
  const fs::path test_labels = need_idx(folder, idx_test.labels);
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
  const std::string name = folder_name(folder);
  const auto named = [&](LabelledImages&& samples) {
    return Dataset{name, std::move(samples.images), std::move(samples.labels), classes, class_names_of(name, classes)};
  };
  const Dataset whole = named(std::move(train));
  HeldOut parts =
      hold_out(whole, options.validation.value_or(std::min<std::int64_t>(5000, whole.size() / 12)), options.seed);
  return {std::move(parts.rest), std::move(parts.held_out), named(std::move(test))};
}

// --- The formats ---------------------------------------------------------------------------------------------------

// A new format (CIFAR binary, folders of PNG, CSV, npy) is one row and its two functions. The first that recognises the
// folder loads it.
struct Format {
  const char* looks_for;
  bool (*recognises)(const fs::path& folder);
  DatasetSplits (*load)(const fs::path& folder, const LoadOptions& options);
};
constexpr Format formats[] = {
    {"IDX (train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz], t10k-images-..., t10k-labels-...)",
     is_idx_folder, load_idx},
};

const Format* format_of(const fs::path& folder) {
  const auto* found = std::ranges::find_if(formats, [&](const Format& format) { return format.recognises(folder); });
  return found == std::end(formats) ? nullptr : found;
}

[[noreturn]] void fail_unrecognised(const fs::path& folder) {
  std::vector<std::string> looked_for;
  for (const Format& format : formats) looked_for.emplace_back(format.looks_for);
  std::string hint;  // the folder above the right one is a common mistake
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && format_of(entry.path()))
      hint = fmt::format("; did you mean {}?", entry.path().string());
  }
  fail("{}: no data set found; looked for {}{}", folder.string(), fmt::join(looked_for, ", "), hint);
}

}  // namespace

std::vector<std::int64_t> shuffled_indices(std::int64_t count, std::uint64_t seed, std::uint64_t step) {
  if (count < 0 || count > std::int64_t{1} << 32) fail("cannot shuffle {} samples", count);
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const runtime::RandomSource source{seed, shuffle_stream, step};
  for (std::size_t last = order.size(); last > 1; --last) {  // Fisher-Yates
    const std::uint64_t word = runtime::random_block(source, static_cast<std::uint32_t>(last - 1))[0];
    std::swap(order[last - 1], order[word * last >> 32]);
  }
  return order;
}

Dataset take(const Dataset& dataset, std::span<const std::int64_t> indices) {
  return {dataset.name, take_rows(dataset.images, indices), take_rows(dataset.labels, indices), dataset.classes,
          dataset.class_names};
}

HeldOut hold_out(const Dataset& dataset, std::int64_t count, std::uint64_t seed) {
  if (count < 0 || count >= dataset.size()) {
    fail("cannot hold out {} of the {} training samples of {}; ask for fewer", count, dataset.size(), dataset.name);
  }
  std::vector<std::int64_t> order = shuffled_indices(dataset.size(), seed);
  const auto border = order.begin() + count;
  std::sort(order.begin(), border);
  std::sort(border, order.end());
  return {take(dataset, {border, order.end()}), take(dataset, {order.begin(), border})};
}

DatasetSplits load_dataset(const fs::path& folder, const LoadOptions& options) {
  if (!fs::exists(folder)) fail("data folder {} does not exist; check the name", folder.string());
  if (!fs::is_directory(folder)) fail("{} is not a folder; name the folder that holds the data set", folder.string());
  const Format* format = format_of(folder);
  if (!format) fail_unrecognised(folder);
  return format->load(folder, options);
}

}  // namespace weft::training
