// The variational autoencoders of models/: beta's warm-up, bounds on the likelihood, binarized kPixels, free bits.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numbers>
#include <numeric>

#include "frontend/losses.h"
#include "tests/support/small_autoencoders.h"
#include "tests/support/small_models.h"
#include "tests/support/temp_folder.h"
#include "training/trainer.h"

using namespace weft;
using namespace weft::training;
using namespace weft::test;

TEST_CASE("beta rises over its warm-up, and a test takes the whole") {
  CHECK(warmed_beta(2, 4, 0, 5) == doctest::Approx(0.4));
  CHECK(warmed_beta(2, 4, 4, 5) == doctest::Approx(2));
  CHECK(warmed_beta(2, 4, 9, 5) == 4);
  CHECK(warmed_beta(2, 4, 100, 5) == 4);
  CHECK(warmed_beta(0, 4, 0, 5) == 4);

  const DatasetSplits data = few_digits(48, 8, 8);  // three steps an epoch
  Session session(build_model("vae", merged(few("vae"), {{"beta", "2"}})), quick_options());
  TrainOptions options;
  options.epochs = 2;
  options.beta_warmup_epochs = 1;
  std::vector<double> betas;
  TrainHooks hooks;
  hooks.progress = [&](const Progress&) { betas.push_back(session.hyper("beta")); };
  hooks.epoch = [&](const EpochResult& result) {
    const auto& [loss, recon, kl] =
        std::tuple(result.validation[0].second, result.validation[1].second, result.validation[2].second);
    CHECK(loss == doctest::Approx(recon + 2 * kl).epsilon(1e-5));
  };
  train(session, data, options, hooks);
  REQUIRE(betas.size() == 6);
  CHECK(betas[0] == doctest::Approx(2.0 / 3));
  CHECK(betas[1] == doctest::Approx(4.0 / 3));
  for (std::size_t i = 2; i < 6; ++i) CHECK(betas[i] == 2);

  Session plain(build_model("autoencoder", few("autoencoder")), quick_options());
  CHECK_ERROR(train(plain, data, options), "model autoencoder has no hyperparameter beta");
}

TEST_CASE("a run stopped in the warm-up goes on, bitwise the run that was not stopped") {
  const DatasetSplits data = few_digits(48, 8, 8);
  const ir::Module module = build_model("vae", few("vae"));
  TrainOptions options;
  options.epochs = 2;
  options.beta_warmup_epochs = 2;
  Session whole(module, quick_options()), first(module, quick_options()), second(module, quick_options());
  train(whole, data, options);

  std::atomic<bool> stop = false;
  Position position;
  TrainHooks hooks;
  hooks.stop = &stop;
  hooks.progress = [&](const Progress& progress) { stop = progress.step == 2; };
  hooks.checkpoint = [&](const Position& at) { position = at; };
  CHECK(train(first, data, options, hooks).interrupted);
  second.restore(first.save(), "checkpoint");
  train(second, data, options, {}, position);
  CHECK(second.save().tensors == whole.save().tensors);
}

namespace {

// The mean of an output over the seeds of many steps.
Numbers mean_over_steps(const ir::Module& module, const std::string& entry, const std::string& output, const Numbers& x,
                        std::int64_t batch, int steps) {
  Numbers sums;
  for (int i = 0; i < steps; ++i) {
    const Numbers values = run(module, entry, {{"x", x}, {"rng", step(i)}}, batch).at(output);
    sums.resize(values.size());
    for (std::size_t k = 0; k < values.size(); ++k) sums[k] += values[k] / steps;
  }
  return sums;
}

const Options kTiny = {{"latent", "2"}, {"height", "2"}, {"width", "3"}};

}  // namespace

TEST_CASE("the mean of log_weight is minus the loss, and the weights of a picture average to its probability") {
  for (const std::string name : {"vae", "conv_vae"}) {
    CAPTURE(name);
    const ir::Module module = build_model(name, merged(few(name), kTiny));
    const Numbers x = arbitrary(2 * 6, 0, 1);
    const Numbers weights = mean_over_steps(module, "log_weight", "log_weight", x, 2, 400);
    const Numbers loss = mean_over_steps(module, "loss", "loss", x, 2, 400);
    CHECK(0.5 * (weights[0] + weights[1]) == doctest::Approx(-loss[0]).epsilon(0.03));
  }
  // A decoder that looks at nothing: p(x|z) = p(x), and log p(x) is known. The weights themselves must have its mean.
  const ir::Module module = build_model("vae", merged({{"hidden", ""}}, kTiny));
  Named values = params_of(module);
  for (double& weight : values.at("decoder.logits.weight")) weight = 0;
  const Numbers& logits = values.at("decoder.logits.bias");
  const Numbers x = arbitrary(6, 0, 1);
  double expected = 0, total = 0;
  for (std::size_t i = 0; i < 6; ++i) expected += x[i] * logits[i] - std::log1p(std::exp(logits[i]));
  for (int i = 0; i < 2000; ++i) {
    Named inputs = values;
    inputs["x"] = x, inputs["rng"] = step(i);
    total += std::exp(evaluate(*module.find("log_weight"), {{"B", 1}}, inputs).at("log_weight")[0]) / 2000;
  }
  CHECK(std::log(total) == doctest::Approx(expected).epsilon(0.02));
}

TEST_CASE("the importance-weighted bound is tighter than the mean of its weights, and equal for one") {
  const Options several = merged(merged(few("vae"), kTiny), {{"iwae", "5"}});
  const ir::Module module = build_model("vae", several);
  const Numbers x = arbitrary(2 * 6, 0, 1);
  const Named loss = run(module, "loss", {{"x", x}, {"rng", step(1)}}, 2);
  CHECK(-loss.at("loss")[0] > loss.at("elbo")[0]);
  CHECK(message("vae", {{"iwae", "5"}, {"beta", "2"}}) == "--iwae changes the bound: leave out --beta and --free-bits");
}

TEST_CASE("beyond the bound of logvar the importance-weighted bound has the posterior that z is drawn from") {
  const ir::Module module = build_model("vae", merged({{"hidden", ""}, {"iwae", "5"}}, kTiny));
  const auto loss_at = [&](double logvar) {
    Named values = params_of(module);
    for (double& weight : values.at("encoder.heads.weight")) weight = 0;
    Numbers& bias = values.at("encoder.heads.bias");
    bias = {0.1, -0.2, logvar, logvar};
    values["x"] = arbitrary(2 * 6, 0, 1), values["rng"] = step(1);
    return evaluate(*module.find("loss"), {{"B", 2}}, values).at("loss")[0];
  };
  CHECK(loss_at(kLargestLogvar + 40) == loss_at(kLargestLogvar));
  CHECK(loss_at(kLargestLogvar - 1) != loss_at(kLargestLogvar));
}

TEST_CASE("binarized pixels are black or white, white as often as they are grey, and drawn once for all weights") {
  const ir::Module module = build_model("vae", {{"hidden", "4"}, {"latent", "2"}, {"binarize", "dynamic"}});
  const Numbers x(784, 0.3);
  const Numbers one = run(module, "observe", {{"x", x}, {"rng", step(1)}}, 1).at("x");
  double white = 0;
  for (const double pixel : one) {
    CHECK((pixel == 0 || pixel == 1));
    white += pixel;
  }
  CHECK(white / 784 == doctest::Approx(0.3).epsilon(0.2));
  CHECK(one != run(module, "observe", {{"x", x}, {"rng", step(2)}}, 1).at("x"));
  CHECK_FALSE(build_model("vae", {}).find("observe"));
  CHECK(message("vae", {{"binarize", "dynamic"}, {"likelihood", "gaussian"}}) ==
        "--binarize dynamic needs --likelihood bernoulli");
  CHECK(message("vae", {{"output", "linear"}}) ==
        "--output linear needs --likelihood gaussian: a probability is a sigmoid");
}

TEST_CASE("free bits: a latent dim that costs less counts as so many") {
  const Options plain = merged(few("vae"), kTiny);
  const Numbers x = arbitrary(2 * 6, 0, 1);
  const Named with = run(build_model("vae", merged(plain, {{"free-bits", "50"}})), "loss", {{"x", x}}, 2);
  const Named without = run(build_model("vae", plain), "loss", {{"x", x}}, 2);
  CHECK(with.at("kl") == without.at("kl"));
  CHECK(with.at("loss")[0] == doctest::Approx(with.at("recon")[0] + 2 * 50));
  CHECK(without.at("loss")[0] == doctest::Approx(without.at("recon")[0] + without.at("kl")[0]));
}
