// The variational autoencoder (Kingma & Welling, "Auto-Encoding Variational Bayes", 2014).
//
// The model generates an image x in two steps: it draws a latent vector z from N(0, I), and a decoder maps z to a
// distribution p(x|z) of the pixels. Training should maximise log p(x), but the integral over all z is intractable. An
// encoder therefore predicts, for each image, a distribution of plausible z: q(z|x) = N(mu, e^logvar). Then
//
//   log p(x)  >=  E_q[log p(x|z)] - KL(q(z|x) || N(0, I)),
//
// and the loss is minus the right side: `recon`, how badly the decoder explains the image, plus `kl`, how much the
// encoder says about it, both in nats per image. One z per image estimates the expectation, drawn so that gradients
// pass through it: z = mu + e^(logvar/2) * epsilon. Options change the bound:
//
//   --beta         weighs the KL (Higgins et al., beta-VAE, 2017); --beta-warmup-epochs lets it rise from 0
//   --free-bits    minimum cost of a latent dim in nats, so that it is not switched off (Kingma et al. 2016)
//   --iwae K       log of the mean of K weights p(x|z) p(z) / q(z|x) instead of the mean of one log: a tighter bound
//                  (Burda et al., "Importance Weighted Autoencoders", 2016)
//   --binarize     dynamic: each step sets each pixel to 1 with a probability equal to its grey level, else to 0
#include "models/parts/variational.h"

#include <cmath>

#include "frontend/weft.h"
#include "models/parts/entries.h"

namespace weft::models {

namespace {

struct Posterior {
  Tensor mu, logvar;  // [B,latent]
};

struct Vae {
  VariationalNet net;
  bool bernoulli, squash, binarizes;
  double beta, free_bits;
  std::int64_t samples;

  Vae(const Settings& settings, VariationalNet halves)
      : net(std::move(halves)),
        bernoulli(settings.choice("likelihood", {"bernoulli", "gaussian"}) == "bernoulli"),
        squash(settings.choice("output", {"sigmoid", "linear"}) == "sigmoid"),
        binarizes(settings.choice("binarize", {"none", "dynamic"}) == "dynamic"),
        beta(settings.number("beta")),
        free_bits(settings.number("free-bits")),
        samples(settings.integer("iwae", 1)) {
    if (bernoulli && !squash)
      throw OptionError("--output linear needs --likelihood gaussian: a probability is a sigmoid");
    if (binarizes && !bernoulli) throw OptionError("--binarize dynamic needs --likelihood bernoulli");
    if (samples > 1 && (beta != 1 || free_bits != 0))
      throw OptionError("--iwae changes the bound: leave out --beta and --free-bits");
  }

  // The target of the model: the image, or a binary sample of it.
  Tensor observe(const Tensor& x) const {
    return binarizes ? cast(random_uniform(x.dims()) < x, DType::f32).named("observed") : x;
  }

  Posterior encode(const Tensor& x) const {
    const Tensor both = net.heads(x);
    return {slice(both, 1, 0, net.latent).named("mu"), slice(both, 1, net.latent, 2 * net.latent).named("logvar")};
  }

  // The mean of p(x|z).
  Tensor mean_of(const Tensor& logits) const { return squash ? sigmoid(logits) : logits; }

  // -log p(x|z) of each pixel. The gaussian has variance 1 and omits the normalising constant.
  Tensor reconstruction_terms(const Tensor& logits, const Tensor& x) const {
    return bernoulli ? softplus(logits) - logits * x : 0.5 * square(mean_of(logits) - x);
  }

  // The KL as it enters the loss.
  Tensor counted_kl(const Posterior& q) const {
    if (free_bits == 0) return kl_normal(q.mu, q.logvar);
    return sum(maximum(mean(kl_normal_terms(q.mu, q.logvar), 0), free_bits));
  }
};

// log p(x|z) p(z) / q(z|x) for `samples` new z per row, [samples,B].
Tensor log_weights(const Vae& vae, const Tensor& x, std::int64_t samples) {
  const auto [mu, given] = vae.encode(x);
  const Tensor logvar = minimum(given, kLargestLogvar);  // z is drawn with the bounded logvar, so q(z|x) has it too
  const Tensor epsilon = random_normal({samples, B, vae.net.latent});
  const Tensor z = mu + exp(0.5 * logvar) * epsilon;
  const Dim rows("B", samples);
  const Tensor logits = flatten(vae.net.logits(reshape(z, {rows, vae.net.latent})));

  const Scope scope("log_weights");
  const Dim pixels = logits.dim(1);
  const Tensor error = vae.reconstruction_terms(reshape(logits, {samples, B, pixels}), reshape(x, {1, B, pixels}));
  const Tensor prior_over_posterior = 0.5 * (square(epsilon) + logvar - square(z));  // before the sum over z
  return sum(prior_over_posterior, 2) - sum(error, 2);
}

// -log of the mean weight of each row, averaged over the rows.
Tensor importance_bound(const Tensor& log_weight, std::int64_t samples) {
  const Tensor largest = stop_gradient(max(log_weight, 0, true));
  const Tensor log_mean = log(sum(exp(log_weight - largest), 0, true)) + largest - std::log(double(samples));
  return -mean(log_mean);
}

void add_loss(ir::Module& module, const std::string& name, Mode mode, const Vae& vae) {
  Entry entry(module, name, mode);
  const Tensor x = vae.observe(entry.input("x", vae.net.image));
  if (vae.samples > 1) {
    const Tensor weights = log_weights(vae, x, vae.samples);
    const Scope scope("loss");
    entry.output("loss", importance_bound(weights, vae.samples));
    entry.output("elbo", mean(weights));
    return;
  }
  const auto [mu, logvar] = vae.encode(x);
  const Tensor z = reparameterize(mu, logvar).named("z");
  const Tensor logits = vae.net.logits(z);

  const Scope scope("loss");
  const Tensor recon = mean_per_example(vae.reconstruction_terms(logits, x));
  entry.output("loss", recon + entry.hyper("beta", vae.beta) * vae.counted_kl({mu, logvar}));
  entry.output("recon", recon);
  entry.output("kl", kl_normal(mu, logvar));
}

void add_encode(ir::Module& module, const Vae& vae) {
  Entry entry(module, "encode", Mode::eval);
  const auto [mu, logvar] = vae.encode(entry.input("x", vae.net.image));
  entry.output("latent", mu);
  entry.output("logvar", logvar);
}

void add_decode(ir::Module& module, const Vae& vae) {
  Entry entry(module, "decode", Mode::eval);
  const Tensor z = entry.input("z", {B, vae.net.latent});
  entry.output("x", clamp(vae.mean_of(vae.net.logits(z)), 0, 1));
}

Tensor reconstruct(const Vae& vae, const Tensor& x) {
  return clamp(vae.mean_of(vae.net.logits(vae.encode(x).mu)), 0, 1);
}

// Minus the bound of each row, at the mean of its posterior.
Tensor score(const Vae& vae, const Tensor& x) {
  const auto [mu, logvar] = vae.encode(x);
  const Tensor error = vae.reconstruction_terms(vae.net.logits(mu), x);
  return sum(flatten(error), 1) + sum(kl_normal_terms(mu, logvar), 1);
}

}  // namespace

ir::Module build_variational(const std::string& name, const Settings& settings, const VariationalNet& net) {
  const Vae vae(settings, net);
  ir::Module module{name, {}};
  add_loss(module, "loss", Mode::train, vae);
  add_loss(module, "test", Mode::eval, vae);
  add_encode(module, vae);
  add_decode(module, vae);
  const Dims& image = net.image;
  add_entry(module, "reconstruct", image, "xhat", [&](const Tensor& x) { return reconstruct(vae, x); });
  add_entry(module, "score", image, "score", [&](const Tensor& x) { return score(vae, x); });
  if (vae.binarizes) add_entry(module, "observe", image, "x", [&](const Tensor& x) { return vae.observe(x); });
  // Takes x after `observe`, so that all weights of an image belong to one binary sample.
  add_entry(module, "log_weight", image, "log_weight",
            [&](const Tensor& x) { return reshape(log_weights(vae, x, 1), {B}); });
  return module;
}

std::vector<Option> variational_options() {
  return {{"likelihood", "bernoulli", "distribution of the pixels: bernoulli or gaussian"},
          {"output", "sigmoid", "mean of a gaussian pixel: sigmoid or linear"},
          {"beta", "1", "weight of the KL divergence in the loss"},
          {"free-bits", "0", "minimum cost of each latent dim, in nats"},
          {"iwae", "1", "samples per image in the importance-weighted bound; 1: the plain bound"},
          {"binarize", "none", "dynamic: each step samples pixels as black or white"}};
}

}  // namespace weft::models
