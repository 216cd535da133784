// The variational autoencoder (Kingma & Welling, "Auto-Encoding Variational Bayes", 2014).
//
// A picture x is thought to arise in two steps: a latent vector z is drawn from N(0, I), and a decoder turns it into a
// distribution p(x|z) of the pixels. Training should raise log p(x), an integral over all z that no one can compute. So
// an encoder proposes, for each picture, where its z may lie: q(z|x) = N(mu, e^logvar). Then
//
//   log p(x)  >=  E_q[log p(x|z)] - KL(q(z|x) || N(0, I)),
//
// and the loss is minus the right side: `recon`, how badly the decoder explains the picture, plus `kl`, how much the
// encoder tells about it, both in nats an image. A `beta` other than 1 weighs the second (Higgins et al. 2017). The
// expectation is taken over one z a picture, drawn so that gradients pass through it: z = mu + e^(logvar/2) * epsilon.
#include "models/vae.h"

#include <string>
#include <vector>

#include "frontend/weft.h"

namespace weft::models {

namespace {

using Sizes = std::vector<std::int64_t>;

struct Posterior {
  Tensor mu, logvar;  // [B,latent]
};

struct Vae {
  std::int64_t pixels, latent;
  bool bernoulli;
  double beta;
  Mlp encoder;
  Linear heads;  // mu and logvar side by side: one matmul for both
  Mlp decoder;
  Linear logits;

  Vae(const Settings& settings, const Sizes& hidden, const Activation& hidden_activation)
      : pixels(settings.pixels()),
        latent(settings.integer("latent", 1)),
        bernoulli(settings.choice("likelihood", {"bernoulli", "gaussian"}) == "bernoulli"),
        beta(settings.number("beta")),
        encoder("encoder", pixels, hidden, hidden_activation),
        heads("encoder.heads", encoder.out(), 2 * latent),
        decoder("decoder", latent, Sizes(hidden.rbegin(), hidden.rend()), hidden_activation),
        logits("decoder.logits", decoder.out(), pixels) {}

  Posterior encode(const Tensor& x) const {
    const Tensor both = heads(encoder(x));
    return {slice(both, 1, 0, latent).named("mu"), slice(both, 1, latent, 2 * latent).named("logvar")};
  }

  // The logits of the pixels; their sigmoid is the mean of p(x|z).
  Tensor decode(const Tensor& z) const { return logits(decoder(z)); }

  // -log p(x|z). The gaussian has variance 1, and lacks its constant.
  Tensor reconstruction_error(const Tensor& pixel_logits, const Tensor& x) const {
    return bernoulli ? bce_with_logits(pixel_logits, x) : 0.5 * mse(sigmoid(pixel_logits), x);
  }
};

void add_loss(ir::Module& module, const std::string& name, Mode mode, const Vae& vae) {
  Entry entry(module, name, mode);
  const Tensor x = entry.input("x", {B, vae.pixels});
  const auto [mu, logvar] = vae.encode(x);
  const Tensor z = reparameterize(mu, logvar).named("z");
  const Tensor pixel_logits = vae.decode(z);

  const Scope scope("loss");
  const Tensor recon = vae.reconstruction_error(pixel_logits, x);
  const Tensor kl = kl_normal(mu, logvar);
  entry.output("loss", recon + entry.hyper("beta", vae.beta) * kl);
  entry.output("recon", recon);
  entry.output("kl", kl);
}

void add_encode(ir::Module& module, const Vae& vae) {
  Entry entry(module, "encode", Mode::eval);
  const auto [mu, logvar] = vae.encode(entry.input("x", {B, vae.pixels}));
  entry.output("latent", mu);
  entry.output("logvar", logvar);
}

void add_decode(ir::Module& module, const Vae& vae) {
  Entry entry(module, "decode", Mode::eval);
  const Tensor z = entry.input("z", {B, vae.latent});
  entry.output("x", sigmoid(vae.decode(z)));
}

void add_reconstruct(ir::Module& module, const Vae& vae) {
  Entry entry(module, "reconstruct", Mode::eval);
  const Tensor x = entry.input("x", {B, vae.pixels});
  entry.output("xhat", sigmoid(vae.decode(vae.encode(x).mu)));
}

ir::Module build_vae(const Settings& settings) {
  const Vae vae(settings, settings.integers("hidden", 1), activation(settings.text("activation")));
  ir::Module module{"vae", {}};
  add_loss(module, "loss", Mode::train, vae);
  add_loss(module, "test", Mode::eval, vae);
  add_encode(module, vae);
  add_decode(module, vae);
  add_reconstruct(module, vae);
  return module;
}

}  // namespace

Model vae() {
  return {"vae",
          "variational autoencoder of fully connected layers",
          {{"hidden", "400", "sizes of the encoder's hidden layers, as 400,200; the decoder mirrors them"},
           {"latent", "20", "size of the latent vector"},
           {"activation", "relu", "of the hidden layers"},
           {"likelihood", "bernoulli", "of the pixels: bernoulli or gaussian"},
           {"beta", "1", "weight of the KL divergence in the loss"}},
          build_vae};
}

}  // namespace weft::models
