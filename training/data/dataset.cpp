// Splits data sets; the table of formats of load_dataset.
#include "training/data/dataset.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "ir/error.h"
#include "ir/visible.h"
#include "runtime/rng.h"
#include "training/data/cifar.h"
#include "training/data/csv.h"
#include "training/data/idx_folder.h"
#include "training/data/image_folder.h"
#include "training/data/npy.h"

namespace weft::training {

namespace fs = std::filesystem;
using runtime::HostTensor;

namespace {

constexpr std::uint32_t kShuffleStream = 0x73687566;  // "shuf": distinct from the op ids that graphs use as streams

HostTensor take_rows(const HostTensor& tensor, std::span<const std::int64_t> indices) {
  const std::int64_t rows = tensor.shape.at(0);
  std::vector<std::int64_t> shape = tensor.shape;
  shape[0] = static_cast<std::int64_t>(indices.size());
  HostTensor taken = HostTensor::zeros(tensor.dtype, std::move(shape));
  const std::size_t row_bytes = rows == 0 ? 0 : tensor.bytes.size() / static_cast<std::size_t>(rows);
  auto out = taken.bytes.begin();
  for (const std::int64_t index : indices) {
    if (index < 0 || index >= rows) fail("sample {} is outside a data set of {} samples", index, rows);
    out = std::copy_n(tensor.bytes.begin() + index * static_cast<std::int64_t>(row_bytes), row_bytes, out);
  }
  return taken;
}

}  // namespace

std::vector<std::int64_t> shuffled_indices(std::int64_t count, std::uint64_t seed, std::uint64_t step) {
  if (count < 0 || count > std::int64_t{1} << 32) fail("cannot shuffle {} samples", count);
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const runtime::RandomSource source{seed, kShuffleStream, step};
  for (std::size_t last = order.size(); last > 1; --last) {  // Fisher-Yates
    const std::uint64_t word = runtime::random_block(source, static_cast<std::uint32_t>(last - 1))[0];
    std::swap(order[last - 1], order[word * last >> 32]);
  }
  return order;
}

Dataset take(const Dataset& dataset, std::span<const std::int64_t> indices) {
  return {dataset.name,
          take_rows(dataset.samples, indices),
          take_rows(dataset.labels, indices),
          dataset.classes,
          dataset.class_names,
          dataset.columns};
}

void need_classes(const Dataset& dataset, std::string_view entry) {
  if (dataset.classes < 2)
    fail("entry @{} learns from labels, but {} has only one class; use data with at least two classes", entry,
         dataset.name);
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

DatasetSplits with_validation(Dataset train, Dataset test, const LoadOptions& options) {
  constexpr std::int64_t most = 5000, one_in = 12;
  HeldOut parts = hold_out(train, options.validation.value_or(std::min(most, train.size() / one_in)), options.seed);
  return {std::move(parts.rest), std::move(parts.held_out), std::move(test)};
}

DatasetSplits split_at_random(const Dataset& all, const LoadOptions& options) {
  constexpr std::int64_t one_in = 5;
  if (all.size() < 2) fail("{} holds {} samples; training and testing need at least 2", all.name, all.size());
  HeldOut parts = hold_out(all, std::max<std::int64_t>(1, all.size() / one_in), options.seed + 1);
  return with_validation(std::move(parts.rest), std::move(parts.held_out), options);
}

std::string data_name(const fs::path& path) {
  const fs::path clean = fs::absolute(path).lexically_normal();
  fs::path name = (clean.has_filename() ? clean : clean.parent_path()).filename();
  if (fs::is_directory(path)) return visible(name.string());
  if (name.extension() == ".gz") name = name.stem();
  return visible(name.stem().string());
}

std::vector<std::string> numbered_classes(int classes) {
  std::vector<std::string> names;
  for (int label = 0; label < classes; ++label) names.push_back(std::to_string(label));
  return names;
}

// --- The formats ---------------------------------------------------------------------------------------------------

namespace {

// To add a format, add a row and its two functions. The first format that recognises the folder or file loads it.
struct Format {
  const char* looks_for;
  bool (*recognises)(const fs::path& path);
  DatasetSplits (*load)(const fs::path& path, const LoadOptions& options);
};
constexpr Format kFormats[] = {
    {"IDX (train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz], t10k-images-..., t10k-labels-...)",
     is_idx_folder, load_idx},
    {"CIFAR-10 (data_batch_1.bin[.gz], ..., test_batch.bin[.gz])", is_cifar_folder, load_cifar},
    {"folders of images (train/CLASS/*.png and test/CLASS/*.png, or CLASS/*.png)", is_image_folder, load_image_folder},
    {"NumPy arrays (train_images.npy, train_labels.npy, test_images.npy, test_labels.npy, or one file NAME.npy)",
     is_npy, load_npy},
    {"tables (train.csv[.gz] and test.csv[.gz], or one file NAME.csv[.gz])", is_csv, load_csv},
};

const Format* format_of(const fs::path& path) {
  const auto* found = std::ranges::find_if(kFormats, [&](const Format& format) { return format.recognises(path); });
  return found == std::end(kFormats) ? nullptr : found;
}

[[noreturn]] void fail_unrecognised(const fs::path& path) {
  std::vector<std::string> looked_for;
  for (const Format& format : kFormats) looked_for.emplace_back(format.looks_for);
  std::string hint;  // naming the parent folder is a common mistake
  if (fs::is_directory(path)) {
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
      if (entry.is_directory() && format_of(entry.path()))
        hint = fmt::format("; did you mean {}?", entry.path().string());
    }
  }
  fail("{}: no data set found; looked for {}{}", path.string(), fmt::join(looked_for, ", "), hint);
}

}  // namespace

DatasetSplits load_dataset(const fs::path& path, const LoadOptions& options) {
  if (!fs::exists(path))
    fail("data {} does not exist: give a folder, a file, or the name of a built-in data set", path.string());
  const Format* format = format_of(path);
  if (!format) fail_unrecognised(path);
  return format->load(path, options);
}

}  // namespace weft::training
