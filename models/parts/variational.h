// A variational autoencoder around any pair of nets: its entries and options.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "frontend/model.h"
#include "frontend/tensor.h"

namespace weft::models {

// The two halves of a variational autoencoder's net.
struct VariationalNet {
  Dims picture;  // of x: {B,pixels} or {B,channels,height,width}
  std::int64_t latent;
  std::function<Tensor(const Tensor&)> heads;   // x -> mu and logvar side by side, [B,2*latent]
  std::function<Tensor(const Tensor&)> logits;  // z [N,latent] -> the pixels' logits, like x with N rows
};

// All entries of a variational autoencoder with that net; `settings` has the options below.
ir::Module build_variational(const std::string& name, const Settings& settings, const VariationalNet& net);
std::vector<Option> variational_options();

}  // namespace weft::models
