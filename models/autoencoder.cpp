// The deep autoencoder (Hinton & Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", 2006).
//
// An encoder reduces an image to a few numbers, its code, through ever smaller layers. A decoder, the same layers in
// reverse, reconstructs the image. The code keeps what reduces the error most: with linear layers it spans the
// principal components, with nonlinear ones it is a better map of the same size. The code has no activation, so it may
// take any value. The loss, `recon`, is the squared error per image.
#include <string>
#include <vector>

#include "frontend/weft.h"
#include "models/parts/entries.h"
#include "models/registry.h"

namespace weft::models {

namespace {

using Sizes = std::vector<std::int64_t>;

struct Autoencoder {
  std::int64_t pixels, latent;
  bool squash;
  Mlp encoder;
  Linear code;
  Mlp decoder;
  Linear to_pixels;

  Autoencoder(const Settings& settings, const Sizes& hidden, const Activation& hidden_activation)
      : pixels(settings.pixels()),
        latent(settings.integer("latent", 1)),
        squash(settings.choice("output", {"sigmoid", "linear"}) == "sigmoid"),
        encoder("encoder", pixels, hidden, hidden_activation),
        code("encoder.code", encoder.out(), latent),
        decoder("decoder", latent, Sizes(hidden.rbegin(), hidden.rend()), hidden_activation),
        to_pixels("decoder.picture", decoder.out(), pixels) {}

  Tensor encode(const Tensor& x) const { return code(encoder(x)); }

  Tensor decode(const Tensor& z) const {
    const Tensor pixel = to_pixels(decoder(z));
    return squash ? sigmoid(pixel) : pixel;
  }
};

void add_loss(ir::Module& module, const std::string& name, Mode mode, const Autoencoder& model) {
  Entry entry(module, name, mode);
  const Tensor x = entry.input("x", {B, model.pixels});
  const Tensor xhat = model.decode(model.encode(x));

  const Scope scope("loss");
  const Tensor recon = mse(xhat, x);
  entry.output("loss", recon);
  entry.output("recon", recon);
}

ir::Module build_autoencoder(const Settings& settings) {
  const Autoencoder model(settings, settings.integers("hidden", 1), activation(settings.text("activation")));
  ir::Module module{"autoencoder", {}};
  add_loss(module, "loss", Mode::train, model);
  add_loss(module, "test", Mode::eval, model);
  add_autoencoder_entries(module, {.image = {B, model.pixels},
                                   .latent = model.latent,
                                   .encode = [&](const Tensor& x) { return model.encode(x); },
                                   .decode = [&](const Tensor& z) { return model.decode(z); },
                                   .corrupt = {}});
  return module;
}

}  // namespace

Model autoencoder() {
  return {"autoencoder",
          "deep autoencoder of fully connected layers",
          {{"hidden", "1000,500,250", "sizes of the encoder's hidden layers; the decoder mirrors them"},
           {"latent", "30", "size of the code"},
           {"activation", "relu", "activation of the hidden layers"},
           {"output", "sigmoid", "activation of the reconstruction: sigmoid or linear"}},
          build_autoencoder};
}

}  // namespace weft::models
