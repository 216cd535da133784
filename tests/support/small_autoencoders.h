// Small autoencoders of models/, and inputs to test their entries.
#pragma once

#include <cstdint>
#include <string>

#include "tests/support/build_model.h"
#include "tests/support/evaluate.h"
#include "training/session.h"

namespace weft::test {

// Options for an autoencoder with few params.
Options few(const std::string& model);
// The error when building the model.
std::string message(const std::string& model, const Options& options);
// On the reference backend, 16 images per step, at a learning rate with fast progress.
training::SessionOptions quick_options();

// Numbers in [low, high]; no two rows are equal.
Numbers arbitrary(std::int64_t count, double low, double high);
// Every param, with values other than its initial ones.
Named params_of(const ir::Module& module);
// Runs an entry on these inputs and `params_of`.
Named run(const ir::Module& module, const std::string& entry, Named inputs, std::int64_t batch);
// The seed for step `number`.
Numbers step(int number);

}  // namespace weft::test
