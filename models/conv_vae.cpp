// The convolutional variational autoencoder: the method of models/vae.cpp with the net of models/conv_autoencoder.cpp.
//
// Convolutions of stride 2 map the image to mu and logvar of its latent vector; transposed convolutions map a latent
// vector to the distribution of the image. The bound on log p(x), its options and its entries are the same.
#include <vector>

#include "frontend/weft.h"
#include "models/parts/conv_decoder.h"
#include "models/parts/encoder.h"
#include "models/parts/variational.h"
#include "models/registry.h"

namespace weft::models {

namespace {

ir::Module build_conv_vae(const Settings& settings) {
  const ImageSize image(settings);
  const std::int64_t latent = settings.integer("latent", 1);
  const ConvEncoder encoder("encoder", image, settings.integers("widths", 1), 2 * latent);
  const ConvDecoder decoder("decoder", latent, encoder.sizes());
  return build_variational("conv_vae", settings,
                           {.image = image.dims(), .latent = latent, .heads = encoder, .logits = decoder});
}

}  // namespace

Model conv_vae() {
  std::vector<Option> options = {{"widths", "32,64", "channels after each convolution; each halves the image"},
                                 {"latent", "20", "size of the latent vector"}};
  for (Option& option : variational_options()) options.push_back(std::move(option));
  return {"conv_vae", "variational autoencoder of convolutions and transposed convolutions", options, build_conv_vae};
}

}  // namespace weft::models
