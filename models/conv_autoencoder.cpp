// The convolutional autoencoder (Masci et al., "Stacked Convolutional Auto-Encoders for Hierarchical Feature
// Extraction", 2011).
//
// A fully connected encoder must learn each feature anew at each location. A convolution learns it once, because the
// same small kernel slides over the whole image. Convolutions of stride 2 halve the image and widen its channels, and a
// fully connected layer maps the result to the code. The decoder reverses this with transposed convolutions, which
// write one scaled kernel per pixel and so double the image (docs/internals/transposed-convolution.md draws one). The
// loss, `recon`, is the squared error per image; `psnr` is the peak signal-to-noise ratio in decibels, -10 log10 of the
// squared error per pixel, averaged over the images.
//
// With --noise the encoder sees a corrupted image and the loss still compares with the clean one: a convolutional
// denoising autoencoder (see models/denoising_autoencoder.cpp). conv_vae is the variational form.
#include <numbers>
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

struct ConvAutoencoder {
  ImageSize image;
  std::int64_t latent;
  ConvEncoder encoder;
  ConvDecoder decoder;
  Noise noise;

  explicit ConvAutoencoder(const Settings& settings)
      : image(settings),
        latent(settings.integer("latent", 1)),
        encoder("encoder", image, settings.integers("widths", 1), latent),
        decoder("decoder", latent, encoder.sizes()),
        noise(settings) {}

  Tensor encode(const Tensor& x) const { return encoder(x); }
  Tensor decode(const Tensor& z) const { return sigmoid(decoder(z)); }
};

// The mean over the images of -10 log10(error / pixels); an error of 0 counts as 1e-12.
Tensor peak_signal_to_noise(const Tensor& error, std::int64_t pixels) {
  return mean(log(maximum(error / double(pixels), 1e-12))) * (-10 / std::numbers::ln10);
}

void add_loss(ir::Module& module, const std::string& name, Mode mode, const ConvAutoencoder& model) {
  Entry entry(module, name, mode);
  const Tensor x = entry.input("x", model.image.dims());
  const Tensor xhat = model.decode(model.encode(model.noise(x)));

  const Scope scope("loss");
  const Tensor recon = mse(xhat, x);
  entry.output("loss", recon);
  entry.output("recon", recon);
  if (mode == Mode::eval) entry.output("psnr", peak_signal_to_noise(row_errors(xhat, x), model.image.pixels()));
}

ir::Module build_conv_autoencoder(const Settings& settings) {
  const ConvAutoencoder model(settings);
  ir::Module module{"conv_autoencoder", {}};
  add_loss(module, "loss", Mode::train, model);
  add_loss(module, "test", Mode::eval, model);
  add_autoencoder_entries(module, {.image = model.image.dims(),
                                   .latent = model.latent,
                                   .encode = [&](const Tensor& x) { return model.encode(x); },
                                   .decode = [&](const Tensor& z) { return model.decode(z); },
                                   .corrupt = model.noise.is_none() ? nullptr : std::function(model.noise)});
  return module;
}

}  // namespace

Model conv_autoencoder() {
  std::vector<Option> options = {{"widths", "32,64", "channels after each convolution; each halves the image"},
                                 {"latent", "64", "size of the code"}};
  for (Option& option : Noise::options("none", "0.5")) options.push_back(std::move(option));
  return {"conv_autoencoder", "autoencoder of convolutions and transposed convolutions", options,
          build_conv_autoencoder};
}

}  // namespace weft::models
