#include "tests/support/small_models.h"

#include "frontend/activations.h"
#include "frontend/entry.h"
#include "frontend/layers.h"
#include "frontend/losses.h"
#include "frontend/ops.h"
#include "training/data/digits.h"

namespace weft::test {

using namespace training;

ir::Module make_vae(std::int64_t hidden, std::int64_t latent) {
  ir::Module module;
  module.name = "small_vae";
  const Linear encoder("encoder.fc1", kPixels, hidden), mu("encoder.mu", hidden, latent),
      logvar("encoder.logvar", hidden, latent), decoder("decoder.fc1", latent, hidden),
      out("decoder.out", hidden, kPixels);
  const auto decode = [&](const Tensor& z) { return out(relu(decoder(z))); };
  for (const auto& [name, mode] : {std::pair{"loss", Mode::train}, std::pair{"test", Mode::eval}}) {
    Entry entry(module, name, mode);
    const Tensor x = entry.input("x", {B, kPixels});
    const Tensor h = relu(encoder(x));
    const Tensor recon = bce_with_logits(decode(reparameterize(mu(h), logvar(h))), x);
    const Tensor kl = kl_normal(mu(h), logvar(h));
    entry.output("loss", recon + entry.hyper("beta", 1) * kl);
    entry.output("recon", recon);
    entry.output("kl", kl);
  }
  {
    Entry entry(module, "encode", Mode::eval);
    const Tensor h = relu(encoder(entry.input("x", {B, kPixels})));
    entry.output("latent", mu(h));
    entry.output("logvar", logvar(h));
  }
  {
    Entry entry(module, "decode", Mode::eval);
    entry.output("x", sigmoid(decode(entry.input("z", {B, latent}))));
  }
  {
    Entry entry(module, "reconstruct", Mode::eval);
    entry.output("xhat", sigmoid(decode(mu(relu(encoder(entry.input("x", {B, kPixels})))))));
  }
  return module;
}

ir::Module make_autoencoder() {
  ir::Module module;
  module.name = "small_autoencoder";
  const Linear encoder("encoder", kPixels, 4), decoder("decoder", 4, kPixels);
  Entry entry(module, "loss", Mode::train);
  const Tensor x = entry.input("x", {B, kPixels});
  entry.output("loss", bce_with_logits(decoder(tanh(encoder(x))), x));
  return module;
}

ir::Module make_attention_autoencoder() {
  constexpr std::int64_t kPatches = 16, kWidth = 12;
  ir::Module module;
  module.name = "attention_autoencoder";
  const Linear queries("queries", kPixels / kPatches, kWidth), keys("keys", kPixels / kPatches, kWidth),
      values("values", kPixels / kPatches, kWidth), out("out", kWidth, kPixels / kPatches);
  const auto attend = [&](const Tensor& x) {
    const Tensor patches = reshape(x, {B, kPatches, kPixels / kPatches});
    const Tensor weights = softmax(matmul(queries(patches), transpose(keys(patches), {0, 2, 1})) * 0.3);
    return reshape(out(relu(matmul(weights, values(patches)))), {B, kPixels});
  };
  {
    Entry entry(module, "loss", Mode::train);
    const Tensor x = entry.input("x", {B, kPixels});
    entry.output("loss", bce_with_logits(attend(x), x));
  }
  Entry entry(module, "reconstruct", Mode::eval);
  entry.output("xhat", sigmoid(attend(entry.input("x", {B, kPixels}))));
  return module;
}

DatasetSplits few_digits(std::int64_t train, std::int64_t validation, std::int64_t test) {
  DigitsOptions options;
  options.train = train;
  options.validation = validation;
  options.test = test;
  return make_digits(options);
}

SessionOptions reference_options(std::int64_t batch, std::uint64_t seed) {
  SessionOptions options;
  options.backend = "reference";
  options.batch = batch;
  options.seed = seed;
  return options;
}

TrainOptions epochs(std::int64_t count) {
  TrainOptions options;
  options.epochs = count;
  return options;
}

RunConfig config_of(const ir::Module& module, std::int64_t epoch_count) {
  RunConfig config;
  config.model = module.name;
  config.settings = {{"hidden", "8"}, {"latent", "3"}};
  config.session = reference_options();
  config.train = epochs(epoch_count);
  return config;
}

}  // namespace weft::test
