// Fine-tuning: a classifier on the encoder of a trained model, taught by few labels, beside the same network from
// scratch with the same labels and the same budget.
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

// What the names of an encoder's weights begin with, in every model.
inline constexpr const char* kEncoderPrefix = "encoder.";

struct FinetuneOptions {
  SessionOptions session;              // its seed is that of the first draw; a step takes at most its batch
  std::int64_t steps = 1500;           // of training, at least
  std::int64_t least_epochs = 5;       // and at least so often through the labels
  std::optional<std::int64_t> epochs;  // in place of both
  Schedule schedule{Schedule::Kind::cosine, 0};
  bool scratch = true;  // train the network from scratch too
};

struct FinetuneResult {
  std::int64_t labels = 0;
  std::uint64_t seed = 0;  // which draw of labels, and what else is random
  std::int64_t epochs = 0;
  double accuracy = 0;  // on the test samples, after the last epoch
  double scratch = 0;   // of the network from scratch; 0 where it was not asked for
};

// `count` samples, each class as often as the others or once more, drawn by `seed`; all where there are so many. Throws
// Error where a class has too few.
Dataset draw_labels(const Dataset& data, std::int64_t count, std::uint64_t seed);

// Trains `classifier`, whose `test` measures `accuracy`, on `labels` of the training samples, with the encoder of
// `file` (read from `path`) and, maybe, without. The test samples choose nothing.
FinetuneResult finetune(const ir::Module& classifier, const runtime::TensorFile& file,
                        const std::filesystem::path& path, const DatasetSplits& data, std::int64_t labels,
                        const FinetuneOptions& options);

struct Spread {
  double mean = 0, deviation = 0;  // of the sample; 0 of one value
};
Spread spread_of(const std::vector<double>& values);

}  // namespace weft::training
