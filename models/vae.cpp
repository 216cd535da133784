// The variational autoencoder of fully connected layers: the method of parts/variational.cpp with two small networks.
#include <vector>

#include "frontend/weft.h"
#include "models/parts/start.h"
#include "models/parts/variational.h"
#include "models/registry.h"

namespace weft::models {

namespace {

using Sizes = std::vector<std::int64_t>;

ir::Module build_vae(const Settings& settings) {
  const Sizes hidden = settings.integers("hidden", 1);
  const Activation hidden_activation = activation(settings.text("activation"));
  const std::int64_t pixels = settings.pixels(), latent = settings.integer("latent", 1);
  const Weights weights = weights_of(settings);

  const Mlp encoder("encoder", pixels, hidden, hidden_activation, weights);
  const Linear heads("encoder.heads", encoder.out(), 2 * latent, weights);  // one matmul for mu and logvar
  const Mlp decoder("decoder", latent, Sizes(hidden.rbegin(), hidden.rend()), hidden_activation, weights);
  const Linear logits("decoder.logits", decoder.out(), pixels, weights);
  return build_variational("vae", settings,
                           {.image = {B, pixels},
                            .latent = latent,
                            .heads = [&](const Tensor& x) { return heads(encoder(x)); },
                            .logits = [&](const Tensor& z) { return logits(decoder(z)); }});
}

}  // namespace

Model vae() {
  std::vector<Option> options = {
      {"hidden", "400", "sizes of the encoder's hidden layers, as 400,200; the decoder mirrors them"},
      {"latent", "20", "size of the latent vector"},
      {"activation", "relu", "activation of the hidden layers"},
      init_option()};
  for (Option& option : variational_options()) options.push_back(std::move(option));
  return {"vae", "variational autoencoder of fully connected layers", options, build_vae};
}

}  // namespace weft::models
