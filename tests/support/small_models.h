// Small models, data and options for training tests.
#pragma once

#include <cstdint>
#include <string>

#include "ir/graph.h"
#include "training/data/dataset.h"
#include "training/runs/config.h"
#include "training/session.h"
#include "training/trainer.h"

namespace weft::test {

inline constexpr std::int64_t kPixels = 28 * 28;

// A variational autoencoder with every entry that the commands use.
ir::Module make_vae(std::int64_t hidden = 8, std::int64_t latent = 3);
// Deterministic: its loss does not depend on the batches.
ir::Module make_autoencoder();

// One block of attention between the sixteenths of an image: matmuls with leading dims, forward and in gradients.
ir::Module make_attention_autoencoder();

training::DatasetSplits few_digits(std::int64_t train, std::int64_t validation = 0, std::int64_t test = 0);
training::SessionOptions reference_options(std::int64_t batch = 32, std::uint64_t seed = 1);
training::TrainOptions epochs(std::int64_t count);
training::RunConfig config_of(const ir::Module& module, std::int64_t epoch_count);

}  // namespace weft::test
