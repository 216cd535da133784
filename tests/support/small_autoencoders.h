// Autoencoders of models/ with few numbers in them, and the values their entries are tested on.
#pragma once

#include <cstdint>
#include <string>

#include "tests/support/build_model.h"
#include "tests/support/evaluate.h"
#include "training/session.h"

namespace weft::test {

// Options with which an autoencoder has few numbers in it.
Options few(const std::string& model);
// The error that building the model ends in.
std::string message(const std::string& model, const Options& options);
// On the reference, 16 images a step, at a rate that shows soon.
training::SessionOptions quick_options();

// Numbers in [low, high], no two rows alike.
Numbers arbitrary(std::int64_t count, double low, double high);
// Every param at other numbers than it starts with.
Named params_of(const ir::Module& module);
// An entry on these inputs and `params_of`.
Named run(const ir::Module& module, const std::string& entry, Named inputs, std::int64_t batch);
// The seed of step `number`.
Numbers step(int number);

}  // namespace weft::test
