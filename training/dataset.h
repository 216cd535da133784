// Labelled pictures in memory: what the training loop, the probes and the pictures read, and how a folder becomes one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/host_tensor.h"

namespace weft::training {

struct Dataset {
  std::string name;
  runtime::HostTensor images;  // u8 [N,C,H,W]
  runtime::HostTensor labels;  // i32 [N], each in [0, classes)
  int classes = 0;
  std::vector<std::string> class_names;  // one a class

  std::int64_t size() const { return images.shape.empty() ? 0 : images.shape[0]; }
  bool operator==(const Dataset&) const = default;
};

struct DatasetSplits {
  Dataset train;
  Dataset validation;
  Dataset test;
};

// A permutation of 0..count-1, a pure function of its arguments. `step` tells apart the epochs of a run.
// Throws Error where count is negative or beyond 2^32.
std::vector<std::int64_t> shuffled_indices(std::int64_t count, std::uint64_t seed, std::uint64_t step = 0);

// The samples at `indices`, in that order. Throws Error on an index outside the data set.
Dataset take(const Dataset& dataset, std::span<const std::int64_t> indices);

struct HeldOut {
  Dataset rest;
  Dataset held_out;
};

// Parts `count` samples, drawn at random by `seed`, from the rest; both keep the order of the data set.
// Throws Error unless 0 <= count < size.
HeldOut hold_out(const Dataset& dataset, std::int64_t count, std::uint64_t seed);

struct LoadOptions {
  std::optional<std::int64_t> validation;  // samples held out of the training set; default: one in 12, at most 5,000
  std::uint64_t seed = 0;                  // draws which
};

// Recognises what the folder holds and reads it. Known: IDX (MNIST, Fashion-MNIST), plain or gzipped. Throws Error
// where the folder is missing or holds nothing known (naming what was looked for), a file of the set is missing, or one
// is bad.
DatasetSplits load_dataset(const std::filesystem::path& folder, const LoadOptions& options = {});

}  // namespace weft::training
