// A variational autoencoder around any pair of networks: its entries and options.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "frontend/model.h"
#include "frontend/tensor.h"

namespace weft::models {

// The encoder and the decoder of a variational autoencoder.
struct VariationalNet {
  Dims image;  // of x: {B,pixels} or {B,channels,height,width}
  std::int64_t latent;
  std::function<Tensor(const Tensor&)> heads;   // x -> mu and logvar, concatenated, [B,2*latent]
  std::function<Tensor(const Tensor&)> logits;  // z [N,latent] -> logits of the pixels, like x with N rows
};

// Adds all entries of a variational autoencoder with that network; `settings` has the options below.
ir::Module build_variational(const std::string& name, const Settings& settings, const VariationalNet& net);
std::vector<Option> variational_options();

}  // namespace weft::models
