// A data set in memory: labelled images or rows of a table, for training, probes and pictures; and the functions that
// load one from files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/host_tensor.h"

namespace weft::training {

// A column of a table: a model sees (value - offset) * scale.
struct Column {
  std::string name;
  double offset = 0;
  double scale = 1;

  bool operator==(const Column&) const = default;
};

// Names come from files and folders; loaders escape them (ir/visible.h).
struct Dataset {
  std::string name;
  runtime::HostTensor samples;           // images u8 [N,C,H,W], or the scaled rows of a table f32 [N,D]
  runtime::HostTensor labels;            // i32 [N], each in [0, classes)
  int classes = 0;                       // 1 if the data has no labels: all are 0 then
  std::vector<std::string> class_names;  // one per class
  std::vector<Column> columns = {};      // of a table; empty for images

  std::int64_t size() const { return samples.shape.empty() ? 0 : samples.shape[0]; }
  bool is_table() const { return samples.shape.size() == 2; }
  bool operator==(const Dataset&) const = default;
};

struct DatasetSplits {
  Dataset train;
  Dataset validation;
  Dataset test;
};

// A permutation of 0..count-1, a pure function of its arguments. `step` distinguishes the epochs of a run.
// Throws Error if count is negative or beyond 2^32.
std::vector<std::int64_t> shuffled_indices(std::int64_t count, std::uint64_t seed, std::uint64_t step = 0);

// The samples at `indices`, in that order. Throws Error on an index outside the data set.
Dataset take(const Dataset& dataset, std::span<const std::int64_t> indices);

struct HeldOut {
  Dataset rest;
  Dataset held_out;
};

// Holds out `count` samples, drawn by `seed`; both parts keep the order of the data set. Throws Error unless 0 <= count
// < size.
HeldOut hold_out(const Dataset& dataset, std::int64_t count, std::uint64_t seed);

struct LoadOptions {
  std::optional<std::int64_t> validation;  // samples held out of the training set; default: one in 12, at most 5,000
  std::uint64_t seed = 0;                  // draws them, and the test samples if the files have none
  std::vector<Column> columns = {};        // a run's scaling, for new rows; empty: scale by the training rows
};

// Detects the format of a folder or file and reads it; docs/reference/data-formats.md lists the formats. Throws Error
// if it is missing, of no known format, or a file of the set is missing or invalid.
DatasetSplits load_dataset(const std::filesystem::path& path, const LoadOptions& options = {});

// Throws Error if all samples have one class; `entry` learns from labels.
void need_classes(const Dataset& dataset, std::string_view entry);

// For the loaders: holds validation samples out of `train`.
DatasetSplits with_validation(Dataset train, Dataset test, const LoadOptions& options);
// For sets without a test part: draws one sample in five as test samples.
DatasetSplits split_at_random(const Dataset& all, const LoadOptions& options);
// "mnist" of "/data/mnist/", "cardio" of "/data/cardio.csv.gz".
std::string data_name(const std::filesystem::path& path);
// "0", "1", ...
std::vector<std::string> numbered_classes(int classes);

}  // namespace weft::training
