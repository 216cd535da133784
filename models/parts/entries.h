// The entries around the loss that models share.
#pragma once

#include <cstdint>
#include <functional>
#include <source_location>
#include <string>

#include "frontend/tensor.h"
#include "ir/graph.h"

namespace weft::models {

// An entry whose output `output` is what `run` makes of x, in Mode::eval.
void add_entry(ir::Module& module, const std::string& name, const Dims& x, const std::string& output,
               const std::function<Tensor(const Tensor&)>& run,
               std::source_location location = std::source_location::current());

struct AutoencoderParts {
  Dims picture;  // of x: {B,pixels} or {B,channels,height,width}
  std::int64_t latent;
  std::function<Tensor(const Tensor&)> encode;   // x -> code [B,latent]
  std::function<Tensor(const Tensor&)> decode;   // code -> like x, whatever the last layer gives
  std::function<Tensor(const Tensor&)> corrupt;  // what the encoder sees of x in training; empty: x itself
};

// encode, decode, reconstruct (of the corrupted picture, which it shows as `noisy`) and score (the squared error of the
// clean picture), as frontend/model.h says.
void add_autoencoder_entries(ir::Module& module, const AutoencoderParts& parts);

// Squared error of each row, [B,..] -> [B].
Tensor row_errors(const Tensor& prediction, const Tensor& target);

}  // namespace weft::models
