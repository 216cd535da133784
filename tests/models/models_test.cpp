// The models that come with Weft, their settings, and the conventions of a model.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "ir/error.h"
#include "ir/text/parse.h"
#include "ir/text/print.h"
#include "tests/support/build_model.h"
#include "tests/support/evaluate.h"

using namespace weft;
using test::build_model;
using test::error_of;
using test::evaluate;
using test::Named;
using test::Numbers;

namespace {

// A number in [-1, 1] for each element, the same for the same name.
Numbers arbitrary(const std::string& name, std::int64_t count) {
  Numbers numbers;
  double phase = 0;
  for (const char letter : name) phase = std::fmod(phase * 31 + letter, 101);
  for (std::int64_t i = 0; i < count; ++i) numbers.push_back(std::sin(phase + 1.7 * double(i)));
  return numbers;
}

// Parameters for a module, none at its initial value.
Named parameters_of(const ir::Module& module) {
  Named values;
  for (const ir::Graph& graph : module.graphs)
    for (std::uint32_t i = 0; i < graph.inputs.size(); ++i)
      if (graph.inputs[i].role == ir::Role::param)
        values[graph.input_name(i)] = arbitrary(graph.input_name(i), graph.type(graph.inputs[i].value).elements());
  return values;
}

std::int64_t parameter_count(const ir::Graph& graph) {
  std::int64_t count = 0;
  for (const ir::Input& input : graph.inputs)
    if (input.role == ir::Role::param) count += graph.type(input.value).elements();
  return count;
}

const std::map<std::string, std::string> kSmall = {{"hidden", "5,4"}, {"latent", "2"}, {"height", "2"}, {"width", "3"}};
constexpr int kBatch = 3, kPixels = 6, kLatent = 2;

Numbers pictures() {
  Numbers x = arbitrary("pictures", kBatch * kPixels);
  for (double& pixel : x) pixel = 0.5 + 0.5 * pixel;
  return x;
}

// Runs an entry of a small model on the given inputs and the module's parameters.
Named run(const ir::Module& module, const std::string& entry, Named inputs) {
  REQUIRE(module.find(entry));
  inputs.merge(parameters_of(module));
  return evaluate(*module.find(entry), {{"B", kBatch}}, inputs);
}

void check_close(const Numbers& actual, const Numbers& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) CHECK(actual[i] == doctest::Approx(expected[i]).epsilon(1e-12));
}

}  // namespace

TEST_CASE("every model: valid, the same after printing and parsing, its entries share their parameters") {
  for (const Model& model : models::all()) {
    CAPTURE(model.name);
    const ir::Module module = build_module(model, Settings(model));
    CHECK(module.name == model.name);
    const ir::Module again = ir::parse(ir::print(module), "text");
    REQUIRE(again.graphs.size() == module.graphs.size());
    std::set<std::string> trained;
    const ir::Graph& loss = *module.find("loss");
    for (std::uint32_t i = 0; i < loss.inputs.size(); ++i) trained.insert(loss.input_name(i));
    for (std::size_t i = 0; i < module.graphs.size(); ++i) {
      const ir::Graph& graph = module.graphs[i];
      CAPTURE(graph.name);
      CHECK(ir::equal(again.graphs[i], graph));
      for (std::uint32_t input = 0; input < graph.inputs.size(); ++input)
        if (graph.inputs[input].role == ir::Role::param) CHECK(trained.count(graph.input_name(input)) == 1);
      for (const ir::Op& op : graph.ops) {  // no op says it was written in the frontend
        const std::filesystem::path models = std::filesystem::path(WEFT_SOURCE_DIR) / "models";
        const bool known = std::filesystem::exists(models / op.location.file) ||
                           std::filesystem::exists(models / "parts" / op.location.file);
        CHECK_MESSAGE(known, op.location.file);
      }
    }
    CHECK(module.find("test"));
  }
}

TEST_CASE("sizes of the published networks") {
  CHECK(parameter_count(*build_model("vae", {}).find("loss")) == 652824);  // pytorch/examples vae
  CHECK(parameter_count(*build_model("autoencoder", {}).find("loss")) == 2837314);
  CHECK(parameter_count(*build_model("vae", {{"hidden", ""}, {"latent", "3"}}).find("loss")) ==
        784 * 6 + 6 + 3 * 784 + 784);
}

TEST_CASE("what the entries of a model compute is one model") {
  for (const std::string name : {"vae", "autoencoder"}) {
    CAPTURE(name);
    const ir::Module module = build_model(name, kSmall);
    const Numbers latent = run(module, "encode", {{"x", pictures()}}).at("latent");
    CHECK(latent.size() == kBatch * kLatent);
    const Numbers decoded = run(module, "decode", {{"z", latent}}).at("x");
    check_close(run(module, "reconstruct", {{"x", pictures()}}).at("xhat"), decoded);
    CHECK(run(module, "loss", {{"x", pictures()}}) == run(module, "test", {{"x", pictures()}}));
  }
}

TEST_CASE("the loss of the autoencoder is the squared error an image") {
  for (const std::string output : {"sigmoid", "linear"}) {
    auto options = kSmall;
    options["output"] = output;
    const ir::Module module = build_model("autoencoder", options);
    const Numbers x = pictures(), xhat = run(module, "reconstruct", {{"x", x}}).at("xhat");
    double total = 0;
    bool clamped = false;
    for (std::size_t i = 0; i < x.size(); ++i) {
      total += (xhat[i] - x[i]) * (xhat[i] - x[i]);
      clamped = clamped || xhat[i] == 0 || xhat[i] == 1;
    }
    const Named loss = run(module, "loss", {{"x", x}});
    CHECK(clamped == (output == "linear"));  // these parameters leave [0,1], and a picture does not
    if (!clamped) CHECK(loss.at("loss")[0] == doctest::Approx(total / kBatch));
    CHECK(loss.at("loss") == loss.at("recon"));
  }
}

TEST_CASE("the loss of the VAE is -log p(x|z) + beta KL") {
  for (const std::string likelihood : {"bernoulli", "gaussian"}) {
    auto options = kSmall;
    options["likelihood"] = likelihood;
    const ir::Module module = build_model("vae", options);
    const Numbers x = pictures();

    // With almost no variance z is mu, and the terms follow from the other entries.
    Named values = parameters_of(module);
    Numbers& bias = values.at("encoder.heads.bias");
    bias[2] = bias[3] = -90;
    const auto with = [&](Named inputs) {
      for (const auto& each : values) inputs.insert(each);
      return inputs;
    };
    const Named encoded = evaluate(*module.find("encode"), {{"B", kBatch}}, with({{"x", x}}));
    const Numbers mean = evaluate(*module.find("reconstruct"), {{"B", kBatch}}, with({{"x", x}})).at("xhat");
    double recon = 0, kl = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      recon += likelihood == "bernoulli" ? -(x[i] * std::log(mean[i]) + (1 - x[i]) * std::log(1 - mean[i]))
                                         : 0.5 * (x[i] - mean[i]) * (x[i] - mean[i]);
    for (std::size_t i = 0; i < encoded.at("latent").size(); ++i) {
      const double mu = encoded.at("latent")[i], logvar = encoded.at("logvar")[i];
      kl += 0.5 * (mu * mu + std::exp(logvar) - 1 - logvar);
    }
    const Named loss = evaluate(*module.find("loss"), {{"B", kBatch}}, with({{"x", x}, {"beta", {4}}}));
    CHECK(loss.at("recon")[0] == doctest::Approx(recon / kBatch).epsilon(1e-9));
    CHECK(loss.at("kl")[0] == doctest::Approx(kl / kBatch).epsilon(1e-12));
    CHECK(loss.at("loss")[0] == doctest::Approx(loss.at("recon")[0] + 4 * loss.at("kl")[0]).epsilon(1e-12));
  }
}

TEST_CASE("settings: defaults, values, and what is wrong with a value") {
  const Model& vae = models::find("vae");
  Settings settings(vae);
  CHECK(settings.integers("hidden", 1) == std::vector<std::int64_t>{400});
  CHECK(settings.pixels() == 784);
  settings.set("hidden", "1000,500,250");
  CHECK(settings.integers("hidden", 1) == std::vector<std::int64_t>{1000, 500, 250});
  settings.set("hidden", "");
  CHECK(settings.integers("hidden", 1).empty());
  settings.set("beta", "0.5");
  CHECK(settings.number("beta") == 0.5);
  settings.set("height", "32"), settings.set("channels", "3");
  CHECK(settings.pixels() == 3 * 32 * 28);

  CHECK(error_of([&] { settings.set("latnet", "3"); }) == "the model has no option --latnet; did you mean 'latent'?");
  const auto bad = [&](const std::string& name, const std::string& value) {
    return error_of([&] { build_model(vae.name, {{name, value}}); });
  };
  CHECK(bad("latent", "twenty") == "--latent takes a whole number of at least 1, got 'twenty'");
  CHECK(bad("latent", "0") == "--latent takes a whole number of at least 1, got '0'");
  CHECK(bad("latent", "2.5") == "--latent takes a whole number of at least 1, got '2.5'");
  for (const std::string list : {"400,", ",400", "400;200", "400,-1", "400,,200", "99999999999999999999"}) {
    CAPTURE(list);
    CHECK(bad("hidden", list) ==
          "--hidden takes whole numbers of at least 1 with commas between, as 400,200, got '" + list + "'");
  }
  CHECK(bad("beta", "1x") == "--beta takes a number, got '1x'");
  CHECK(bad("beta", "nan") == "--beta takes a number, got 'nan'");
  CHECK(bad("likelihood", "bernouli") ==
        "--likelihood takes bernoulli or gaussian, got 'bernouli'; did you mean "
        "'bernoulli'?");
  CHECK(bad("activation", "rely") == "unknown activation 'rely'; did you mean 'relu'?");
  CHECK(error_of([] { models::find("vea"); }) == "unknown model 'vea'; did you mean 'vae'?");
}

TEST_CASE("a model that breaks the conventions is told which") {
  const auto message = [](const std::function<void(ir::Module&)>& fill) {
    const Model model{"mine", "", {}, [&](const Settings&) {
                        ir::Module module{"mine", {}};
                        fill(module);
                        return module;
                      }};
    return error_of([&] { build_module(model, Settings(model)); });
  };
  CHECK(message([](ir::Module&) {}) == "model 'mine' has no entry \"loss\" to train");
  CHECK(message([](ir::Module& module) {
          Entry(module, "loss", Mode::train).input("picture", {B, 4});
        }) == "model 'mine', entry \"loss\": needs an input \"x\"");
  CHECK(message([](ir::Module& module) {
          Entry(module, "loss", Mode::train).input("x", {B, 4});
        }) == "model 'mine', entry \"loss\": needs an output \"loss\"");
  CHECK(message([](ir::Module& module) {
          Entry entry(module, "loss", Mode::train);
          entry.output("loss", sum(entry.input("x", {B, 4}), 1));
        }) == "model 'mine', entry \"loss\": the output \"loss\" must be a scalar f32[], got f32[B]");
}
