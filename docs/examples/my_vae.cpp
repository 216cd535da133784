// A model in one file, which becomes a program with every command of `weft`.
//
//   ./my_vae train --data mnist --epochs 5 --latent 8
//   ./my_vae reconstruct
#include <weft/main.h>
#include <weft/weft.h>

using namespace weft;

namespace {

ir::Module build(const Settings& settings) {
  const std::int64_t pixels = settings.pixels(), latent = settings.integer("latent", 1);
  const Mlp encoder("encoder", pixels, {256, 128}, gelu);
  const Linear mu("encoder.mu", 128, latent), logvar("encoder.logvar", 128, latent);
  const Mlp decoder("decoder", latent, {128, 256}, gelu);
  const Linear logits("decoder.logits", 256, pixels);

  ir::Module module{"my_vae", {}};
  for (const bool training : {true, false}) {
    Entry entry(module, training ? "loss" : "test", training ? Mode::train : Mode::eval);
    const Tensor x = entry.input("x", {B, pixels});
    const Tensor h = encoder(x);
    const Tensor z = reparameterize(mu(h), logvar(h));
    const Tensor recon = bce_with_logits(logits(decoder(z)), x);
    const Tensor kl = kl_normal(mu(h), logvar(h));
    entry.output("loss", recon + kl);
    entry.output("recon", recon);
    entry.output("kl", kl);
  }
  {
    Entry entry(module, "encode", Mode::eval);
    const Tensor h = encoder(entry.input("x", {B, pixels}));
    entry.output("latent", mu(h));
    entry.output("logvar", logvar(h));
  }
  {
    Entry entry(module, "decode", Mode::eval);
    entry.output("x", sigmoid(logits(decoder(entry.input("z", {B, latent})))));
  }
  {
    Entry entry(module, "reconstruct", Mode::eval);
    const Tensor x = entry.input("x", {B, pixels});
    entry.output("xhat", sigmoid(logits(decoder(mu(encoder(x))))));
  }
  return module;
}

}  // namespace

int main(int argc, char** argv) {
  const Model my_vae{"my_vae", "a VAE with gelu", {{"latent", "8", "size of the latent vector"}}, build};
  return weft::main(argc, argv, my_vae);
}
