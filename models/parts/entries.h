// The entries around the loss that models share.
#pragma once

#include <cstdint>
#include <functional>
#include <source_location>
#include <string>

#include "frontend/tensor.h"
#include "ir/graph.h"

namespace weft::models {

// Adds an entry in Mode::eval whose output `output` is run(x).
void add_entry(ir::Module& module, const std::string& name, const Dims& x, const std::string& output,
               const std::function<Tensor(const Tensor&)>& run,
               std::source_location location = std::source_location::current());

struct AutoencoderParts {
  Dims image;  // of x: {B,pixels} or {B,channels,height,width}
  std::int64_t latent;
  std::function<Tensor(const Tensor&)> encode;   // x -> code [B,latent]
  std::function<Tensor(const Tensor&)> decode;   // code -> the output of the last layer, of x's shape
  std::function<Tensor(const Tensor&)> corrupt;  // x -> the encoder's input in training; empty: x itself
};

// Adds encode, decode, reconstruct (of the corrupted image, which it outputs as `noisy`) and score (the squared error
// of the clean image), as frontend/model.h says.
void add_autoencoder_entries(ir::Module& module, const AutoencoderParts& parts);

// Squared error of each row, [B,..] -> [B].
Tensor row_errors(const Tensor& prediction, const Tensor& target);

}  // namespace weft::models
