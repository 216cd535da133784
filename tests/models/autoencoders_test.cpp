// The autoencoders of models/: sizes, noise, views, tied weights, layer-wise pre-training.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <set>

#include "runtime/safetensors.h"
#include "tests/support/small_autoencoders.h"
#include "tests/support/small_models.h"
#include "tests/support/temp_folder.h"
#include "training/metrics.h"
#include "training/pretrain.h"
#include "training/runs/run.h"

using namespace weft;
using namespace weft::training;
using namespace weft::test;

namespace {

const std::vector<std::string> kAutoencoders = {
    "autoencoder", "stacked_autoencoder", "conv_autoencoder", "denoising_autoencoder", "vae", "conv_vae"};

using Tensors = std::map<std::string, runtime::HostTensor>;

// The params that differ.
std::set<std::string> moved(const Tensors& before, const Tensors& after) {
  std::set<std::string> names;
  for (const auto& [name, tensor] : after)
    if (!name.starts_with("adam.") && before.at(name) != tensor) names.insert(name);
  return names;
}

}  // namespace

// --- All of them ---------------------------------------------------------------------------------------------------

TEST_CASE("every autoencoder: built for grey, colour and odd pictures, and gives back pictures of that size") {
  struct Size {
    std::int64_t channels, height, width;
  };
  for (const std::string& name : kAutoencoders)
    for (const Size& size : {Size{1, 28, 28}, Size{3, 32, 32}, Size{2, 7, 10}, Size{1, 1, 5}}) {
      CAPTURE(name);
      CAPTURE(size.height);
      const ir::Module module = build_model(name, merged(few(name), {{"channels", std::to_string(size.channels)},
                                                                     {"height", std::to_string(size.height)},
                                                                     {"width", std::to_string(size.width)}}));
      const std::int64_t pixels = size.channels * size.height * size.width;
      const Numbers x = arbitrary(2 * pixels, 0, 1);
      const Named decoded = run(module, "decode", {{"z", arbitrary(2 * 3, -1, 1)}}, 2);
      CHECK(decoded.at("x").size() == x.size());
      const Named rebuilt = run(module, "reconstruct", {{"x", x}}, 2);
      CHECK(rebuilt.at("xhat").size() == x.size());
      for (const auto& [output, numbers] : rebuilt)
        for (const double pixel : numbers) CHECK((pixel >= 0 && pixel <= 1));
      CHECK(run(module, "encode", {{"x", x}}, 2).at("latent").size() == 2 * 3);
      CHECK(run(module, "score", {{"x", x}}, 2).at("score").size() == 2);
    }
}

TEST_CASE("every autoencoder: its loss falls on digits") {
  const DatasetSplits data = few_digits(32, 8, 8);
  std::vector<std::int64_t> all(32);
  std::iota(all.begin(), all.end(), 0);
  for (const std::string& name : kAutoencoders) {
    CAPTURE(name);
    SessionOptions options = quick_options();
    options.optimizer.learning_rate = 1e-2;
    Session session(build_model(name, few(name)), options);
    const double before = session.evaluate(data.train).front().second;
    for (int i = 0; i < 6; ++i) session.step(data.train, all);
    CHECK(session.evaluate(data.train).front().second < 0.97 * before);
  }
}

TEST_CASE("score is the squared error of each row, the loss of a plain autoencoder its mean") {
  for (const std::string name : {"autoencoder", "stacked_autoencoder", "conv_autoencoder"}) {
    CAPTURE(name);
    const ir::Module module = build_model(name, merged(few(name), {{"height", "4"}, {"width", "5"}}));
    const Numbers x = arbitrary(3 * 20, 0, 1);
    const Numbers scores = run(module, "score", {{"x", x}}, 3).at("score");
    const Numbers xhat = run(module, "reconstruct", {{"x", x}}, 3).at("xhat");
    double total = 0;
    for (std::size_t row = 0; row < 3; ++row) {
      double error = 0;
      for (std::size_t i = 20 * row; i < 20 * (row + 1); ++i) error += (xhat[i] - x[i]) * (xhat[i] - x[i]);
      CHECK(scores[row] == doctest::Approx(error).epsilon(1e-9));
      total += error;
    }
    CHECK(run(module, "test", {{"x", x}}, 3).at("recon")[0] == doctest::Approx(total / 3).epsilon(1e-9));
  }
}

TEST_CASE("psnr is the mean over the images of that of each") {
  const ir::Module module = build_model("conv_autoencoder", merged(few("conv"), {{"height", "4"}, {"width", "5"}}));
  const Numbers x = arbitrary(3 * 20, 0, 1);
  const Numbers scores = run(module, "score", {{"x", x}}, 3).at("score");
  double expected = 0;
  for (const double score : scores) expected += -10 * std::log10(score / 20) / 3;
  CHECK(run(module, "test", {{"x", x}}, 3).at("psnr")[0] == doctest::Approx(expected).epsilon(1e-9));
}

// --- Convolutional -------------------------------------------------------------------------------------------------

TEST_CASE("the convolutional autoencoder is that of the speed table") {
  const ir::Module module = build_model("conv_autoencoder", {});
  const ir::Graph& loss = *module.find("loss");
  const auto type_of = [&](const std::string& name) {
    const std::uint32_t input = loss.find_input(name);
    REQUIRE(input != ir::kNone);
    return ir::to_string(loss.type(loss.inputs[input].value));
  };
  CHECK(type_of("x") == "f32[B,1,28,28]");
  CHECK(type_of("encoder.conv1.weight") == "f32[32,1,3,3]");
  CHECK(type_of("encoder.conv2.weight") == "f32[64,32,3,3]");
  CHECK(type_of("encoder.fc.weight") == "f32[3136,64]");
  CHECK(type_of("decoder.fc.weight") == "f32[64,3136]");
  CHECK(type_of("decoder.deconv1.weight") == "f32[64,32,3,3]");
  CHECK(type_of("decoder.deconv2.weight") == "f32[32,1,3,3]");
}

// --- Noise ---------------------------------------------------------------------------------------------------------

TEST_CASE("noise is what it says, and another each step") {
  constexpr std::int64_t rows = 4, pixels = 784;
  for (const std::string noise : {"gaussian", "masking", "salt-and-pepper"}) {
    CAPTURE(noise);
    const ir::Module module =
        build_model("denoising_autoencoder", merged(few("denoising"), {{"noise", noise}, {"noise-level", "0.3"}}));
    const Numbers x(rows * pixels, 0.6);
    const Numbers one = run(module, "reconstruct", {{"x", x}, {"rng", step(1)}}, rows).at("noisy");
    CHECK(one == run(module, "reconstruct", {{"x", x}, {"rng", step(1)}}, rows).at("noisy"));
    CHECK(one != run(module, "reconstruct", {{"x", x}, {"rng", step(2)}}, rows).at("noisy"));
    double black = 0, white = 0, same = 0;
    for (const double level : one) black += level == 0, white += level == 1, same += level == 0.6;
    const double count = double(one.size());
    if (noise == "masking") {
      CHECK(black / count == doctest::Approx(0.3).epsilon(0.1));
      CHECK(black + same == count);
    } else if (noise == "salt-and-pepper") {
      CHECK(black / count == doctest::Approx(0.15).epsilon(0.15));
      CHECK(white / count == doctest::Approx(0.15).epsilon(0.15));
      CHECK(black + white + same == count);
    } else {
      CHECK(same == 0);
      CHECK(white / count == doctest::Approx(0.0912).epsilon(0.25));  // 0.6 + 0.3 n > 1, cut off where it is shown
      CHECK(black / count == doctest::Approx(0.0228).epsilon(0.5));
    }
    // The loss against the clean picture, in training and in a test, where the noise is fresh too.
    for (const std::string entry : {"loss", "test"}) {
      const Named first = run(module, entry, {{"x", x}, {"rng", step(1)}}, rows);
      CHECK(first.at("loss") != run(module, entry, {{"x", x}, {"rng", step(2)}}, rows).at("loss"));
      CHECK(first.at("mse_pixel")[0] == doctest::Approx(first.at("recon")[0] / 784));
    }
  }
}

TEST_CASE("options of the noise that make no sense") {
  CHECK(message("denoising_autoencoder", {{"noise", "none"}}) ==
        "--noise none leaves nothing to denoise: choose another noise, or the model autoencoder");
  CHECK(message("conv_autoencoder", {{"noise", "masking"}, {"noise-level", "1.5"}}) ==
        "--noise-level is a share of the values with --noise masking: at most 1, got 1.5");
  CHECK(message("conv_autoencoder", {{"noise-level", "-1"}}) == "--noise-level takes a number of at least 0, got -1");
  CHECK(message("denoising_autoencoder", {{"noise", "maskng"}}) ==
        "--noise takes none or gaussian or masking or salt-and-pepper, got 'maskng'; did you mean 'masking'?");
}

// --- Stacked -------------------------------------------------------------------------------------------------------

TEST_CASE("views are trained on, and a test sees the picture") {
  const ir::Module module =
      build_model("stacked_autoencoder", merged(few("stacked_autoencoder"), {{"augment", "digits"}}));
  const auto samples = [&](const char* entry) {
    const ir::Graph* graph = module.find(entry);
    REQUIRE(graph);
    return std::count_if(graph->ops.begin(), graph->ops.end(),
                         [](const ir::Op& op) { return op.code == ir::OpCode::affine_sample; });
  };
  CHECK(samples("loss") == 1);
  CHECK(samples("pretrain1") == 1);
  CHECK(samples("test") == 0);
  CHECK(samples("encode") == 0);
}

TEST_CASE("tied weights are the encoder's, transposed") {
  const Options small = {{"hidden", "3"}, {"latent", "2"}, {"height", "1"}, {"width", "4"}};
  const ir::Module module = build_model("stacked_autoencoder", merged(small, {{"tied", "true"}}));
  for (const auto& [name, numbers] : params_of(module)) CHECK(name != "decoder.fc1.weight");
  CHECK(params_of(module).size() == 2 + 4);  // two weights, four biases

  const ir::Module free = build_model("stacked_autoencoder", small);
  Named values = params_of(module);
  const auto transposed = [&](const std::string& name, std::size_t rows, std::size_t columns) {
    Numbers result;
    for (std::size_t j = 0; j < columns; ++j)
      for (std::size_t i = 0; i < rows; ++i) result.push_back(values.at(name)[i * columns + j]);
    return result;
  };
  values["decoder.fc1.weight"] = transposed("encoder.code.weight", 3, 2);
  values["decoder.picture.weight"] = transposed("encoder.fc1.weight", 4, 3);
  values["x"] = arbitrary(8, 0, 1);
  const Named expected = evaluate(*free.find("test"), {{"B", 2}}, values);
  values.erase("decoder.fc1.weight"), values.erase("decoder.picture.weight");
  CHECK(evaluate(*module.find("test"), {{"B", 2}}, values).at("loss")[0] ==
        doctest::Approx(expected.at("loss")[0]).epsilon(1e-12));
}

TEST_CASE("a decoder of its own sizes; what needs one that mirrors the encoder") {
  const ir::Module module = build_model("stacked_autoencoder", {{"hidden", "20,10"}, {"decoder", "15"}});
  CHECK(params_of(module).at("decoder.fc1.weight").size() == 30 * 15);
  CHECK(params_of(module).at("decoder.picture.weight").size() == 15 * 784);
  CHECK(pretraining_layers(module) == 0);
  CHECK(pretraining_layers(build_model("stacked_autoencoder", {{"hidden", "20,10"}, {"decoder", "10,20"}})) == 3);
  CHECK(
      message("stacked_autoencoder", {{"hidden", "20,10"}, {"decoder", "15"}, {"tied", "true"}}) ==
      "--tied true needs a decoder that mirrors the encoder: leave out --decoder, or give it the sizes of --hidden in "
      "reverse");

  const DatasetSplits data = few_digits(16, 8, 8);
  Session session(module, quick_options());
  TrainOptions options;
  options.pretrain_epochs = 1;
  CHECK_ERROR(pretrain(session, data, options, {}, 0),
              "the model stacked_autoencoder has no layers to pre-train: it lacks an entry pretrain1");
}

TEST_CASE("pre-training moves one layer and its mirror image at a time, and lowers its loss") {
  const DatasetSplits data = few_digits(64, 8, 8);
  Session session(build_model("stacked_autoencoder", {{"hidden", "12,8"}, {"latent", "4"}, {"noise", "masking"}}),
                  quick_options());
  TrainOptions options;
  options.pretrain_epochs = 3;
  Tensors before = session.save().tensors;
  std::vector<std::set<std::string>> layers;
  std::vector<double> losses;
  PretrainHooks hooks;
  hooks.epoch = [&](const EpochResult& result) {
    CHECK(result.layer == std::int64_t(layers.size()) + 1);
    losses.push_back(result.train.front().second);
  };
  hooks.finished = [&](std::int64_t) {
    const Tensors after = session.save().tensors;
    layers.push_back(moved(before, after));
    before = after;
  };
  CHECK(pretrain(session, data, options, hooks, 0));
  const auto layer = [](const std::string& down, const std::string& up) {
    return std::set<std::string>{down + ".weight", down + ".bias", up + ".weight", up + ".bias"};
  };
  REQUIRE(layers.size() == 3);
  CHECK(layers[0] == layer("encoder.fc1", "decoder.picture"));
  CHECK(layers[1] == layer("encoder.fc2", "decoder.fc2"));
  CHECK(layers[2] == layer("encoder.code", "decoder.fc1"));
  CHECK(session.steps() == 0);
  REQUIRE(losses.size() == 9);
  for (std::size_t i = 0; i < 9; i += 3) CHECK(losses[i + 2] < losses[i]);
}

TEST_CASE("a run stopped in pre-training goes on from any moment, bitwise the run that was not stopped") {
  namespace fs = std::filesystem;
  const DatasetSplits data = few_digits(48, 8, 8);
  const ir::Module module = build_model("stacked_autoencoder", {{"hidden", "6"}, {"latent", "3"}, {"tied", "true"}});
  RunConfig config;
  config.model = module.name;
  config.session = quick_options();
  config.train.epochs = 1;
  config.train.pretrain_epochs = 2;
  const TempFolder folder;
  const auto files_of = [&](const fs::path& run) {
    return std::pair(runtime::read_file(run / "checkpoint.safetensors"), runtime::read_file(run / "metrics.jsonl"));
  };
  train_run(RunDirectory::create(folder / "whole", config, module), data, false);
  const auto expected = files_of(folder / "whole");
  const std::vector<MetricsRecord> records = read_metrics(folder / "whole/metrics.jsonl");
  CHECK(records.front().split == "pretrain1");
  CHECK(std::ranges::count_if(records, [](const auto& record) { return record.split.starts_with("pretrain"); }) == 4);

  SUBCASE("by a signal") {
    const RunDirectory parts = RunDirectory::create(folder / "parts", config, module);
    std::atomic<bool> stop = false;
    RunHooks hooks;
    hooks.stop = &stop;
    hooks.epoch = [&](const EpochResult& result) { stop = result.layer == 2 && result.epoch == 1; };
    const Outcome outcome = train_run(parts, data, false, hooks);
    CHECK(outcome.interrupted);
    CHECK(outcome.steps == 0);
    Session looked_at = parts.load();  // the layer under way does not disturb who looks at the weights
    std::int64_t epochs = 0;
    hooks = {};
    hooks.epoch = [&](const EpochResult&) { ++epochs; };
    train_run(parts, data, true, hooks);
    CHECK(epochs == 2);  // the rest of the layer, and the one of the whole
    CHECK(files_of(folder / "parts") == expected);
  }
  SUBCASE("killed, with a checkpoint after every step") {
    RunConfig often = config;
    often.train.checkpoint_minutes = 1e-9;
    int copies = 0;
    RunHooks hooks;
    hooks.progress = [&](const Progress&) {
      fs::copy(folder / "parts", folder / std::to_string(copies++), fs::copy_options::recursive);
    };
    train_run(RunDirectory::create(folder / "parts", often, module), data, false, hooks);
    CHECK(files_of(folder / "parts") == expected);
    CHECK(copies >= 10);
    for (int i = 0; i < copies; ++i) {
      CAPTURE(i);
      const fs::path path = folder / std::to_string(i);
      train_run(RunDirectory::open(path, RunDirectory::Access::write), data, true);
      CHECK(files_of(path) == expected);
    }
  }
}
