// The denoising autoencoder (Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders",
// 2008; "Stacked Denoising Autoencoders", 2010).
//
// An autoencoder with a wide code may learn to copy. This one cannot: the encoder sees a corrupted image, and the loss,
// `recon`, is the squared error against the clean one. To separate noise from image, it must learn what images look
// like: it maps points near the data back to the data. The graph draws the noise (models/parts/noise.h) from the random
// numbers of the step, so each step corrupts an image differently. `mse_pixel` is the error per pixel. The test entry
// corrupts its images too; `encode` and `score` take clean ones.
#include <functional>
#include <string>
#include <vector>

#include "frontend/weft.h"
#include "models/parts/conv_decoder.h"
#include "models/parts/encoder.h"
#include "models/parts/entries.h"
#include "models/parts/noise.h"
#include "models/registry.h"

namespace weft::models {

namespace {

using Sizes = std::vector<std::int64_t>;

// x -> code, and code -> logits of the pixels, fully connected or convolutional.
struct Net {
  Dims image;
  std::function<Tensor(const Tensor&)> encoder, decoder;
};

Net mlp_net(const Settings& settings, std::int64_t latent) {
  const Activation hidden_activation = activation(settings.text("activation"));
  const Sizes hidden = settings.integers("hidden", 1);
  const std::int64_t pixels = settings.pixels();
  const Mlp down("encoder", pixels, hidden, hidden_activation);
  const Linear code("encoder.code", down.out(), latent);
  const Mlp up("decoder", latent, Sizes(hidden.rbegin(), hidden.rend()), hidden_activation);
  const Linear to_pixels("decoder.picture", up.out(), pixels);
  return {{B, pixels},
          [=](const Tensor& x) { return code(down(x)); },
          [=](const Tensor& z) { return to_pixels(up(hidden_activation(z))); }};
}

Net conv_net(const Settings& settings, std::int64_t latent) {
  const Activation hidden_activation = activation(settings.text("activation"));
  const ImageSize image(settings);
  const ConvEncoder down("encoder", image, settings.integers("widths", 1), latent, hidden_activation);
  const ConvDecoder up("decoder", latent, down.sizes(), hidden_activation);
  return {image.dims(), down, [=](const Tensor& z) { return up(hidden_activation(z)); }};
}

struct DenoisingAutoencoder {
  std::int64_t pixels, latent;
  bool squash;
  Noise noise;
  Net net;

  explicit DenoisingAutoencoder(const Settings& settings)
      : pixels(settings.pixels()),
        latent(settings.integer("latent", 1)),
        squash(settings.choice("output", {"sigmoid", "linear"}) == "sigmoid"),
        noise(settings),
        net(settings.choice("encoder", {"mlp", "conv"}) == "mlp" ? mlp_net(settings, latent)
                                                                 : conv_net(settings, latent)) {}

  Tensor encode(const Tensor& x) const { return net.encoder(x); }
  Tensor decode(const Tensor& z) const {
    const Tensor pixel = net.decoder(z);
    return squash ? sigmoid(pixel) : pixel;
  }
};

void add_loss(ir::Module& module, const std::string& name, Mode mode, const DenoisingAutoencoder& model) {
  Entry entry(module, name, mode);
  const Tensor x = entry.input("x", model.net.image);
  const Tensor noisy = model.noise(x).named("noisy");
  const Tensor xhat = model.decode(model.encode(noisy));

  const Scope scope("loss");
  const Tensor recon = mse(xhat, x);
  entry.output("loss", recon);
  entry.output("recon", recon);
  entry.output("mse_pixel", recon / double(model.pixels));
}

ir::Module build_denoising_autoencoder(const Settings& settings) {
  const DenoisingAutoencoder model(settings);
  if (model.noise.is_none())
    throw OptionError("--noise none leaves nothing to denoise: choose another noise, or the model autoencoder");
  ir::Module module{"denoising_autoencoder", {}};
  add_loss(module, "loss", Mode::train, model);
  add_loss(module, "test", Mode::eval, model);
  add_autoencoder_entries(module, {.image = model.net.image,
                                   .latent = model.latent,
                                   .encode = [&](const Tensor& x) { return model.encode(x); },
                                   .decode = [&](const Tensor& z) { return model.decode(z); },
                                   .corrupt = model.noise});
  return module;
}

}  // namespace

Model denoising_autoencoder() {
  std::vector<Option> options = {
      {"encoder", "mlp", "network: mlp (fully connected) or conv"},
      {"hidden", "1000", "mlp: sizes of the encoder's hidden layers; the decoder mirrors them"},
      {"widths", "32,64", "conv: channels after each convolution; each halves the image"},
      {"latent", "500", "size of the code"},
      {"activation", "relu", "activation of the hidden layers"},
      {"output", "sigmoid", "activation of the reconstruction: sigmoid or linear"}};
  for (Option& option : Noise::options("gaussian", "0.5")) options.push_back(std::move(option));
  return {"denoising_autoencoder", "autoencoder that restores corrupted images", options, build_denoising_autoencoder};
}

}  // namespace weft::models
