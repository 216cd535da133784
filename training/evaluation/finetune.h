// Fine-tuning: trains a classifier on the encoder of a trained model with few labels and, for comparison, the same
// network from scratch with the same labels and budget.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "runtime/safetensors.h"
#include "training/data/dataset.h"
#include "training/session.h"
#include "training/trainer.h"

namespace weft::training {

// The prefix of the names of an encoder's weights, in every model.
inline constexpr const char* kEncoderPrefix = "encoder.";

struct FinetuneOptions {
  SessionOptions session;              // its seed draws the labels; its batch is the largest per step
  std::int64_t steps = 1500;           // minimum, of training
  std::int64_t least_epochs = 5;       // minimum, over the labels
  std::optional<std::int64_t> epochs;  // replaces both minimums
  Schedule schedule{Schedule::Kind::cosine, 0};
  bool scratch = true;  // also trains the network from scratch
};

struct FinetuneResult {
  std::int64_t labels = 0;
  std::uint64_t seed = 0;  // of the labels and all else that is random
  std::int64_t epochs = 0;
  double accuracy = 0;  // on the test samples, after the last epoch
  double scratch = 0;   // accuracy of the network from scratch; 0 without it
};

// Draws `count` samples by `seed`; the sizes of classes differ by at most one. Returns all samples if `count` is their
// number. Throws Error if a class has too few.
Dataset draw_labels(const Dataset& data, std::int64_t count, std::uint64_t seed);

// Trains `classifier`, whose entry `test` has the metric `accuracy`, on `labels` of the training samples, with the
// encoder of `file` (read from `path`) and, if asked, from scratch. The test samples do not influence training.
FinetuneResult finetune(const ir::Module& classifier, const runtime::TensorFile& file,
                        const std::filesystem::path& path, const DatasetSplits& data, std::int64_t labels,
                        const FinetuneOptions& options);

struct Spread {
  double mean = 0, deviation = 0;  // deviation: of the sample, 0 for one value
};
Spread spread_of(const std::vector<double>& values);

}  // namespace weft::training
