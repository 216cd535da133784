// The encoders that models share, and the models that learn without labels or with them: sizes, entries, training.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "ir/error.h"
#include "tests/support/build_model.h"
#include "tests/support/evaluate.h"
#include "tests/support/temp_folder.h"
#include "training/data/digits.h"
#include "training/session.h"
#include "training/step.h"
#include "training/trainer.h"

using namespace weft;
using test::build_model;
using test::error_of;
using test::merged;
using test::Options;

namespace {

const Options kColour = {{"channels", "3"}, {"height", "32"}, {"width", "32"}};

std::int64_t parameters_of(const ir::Graph& graph, const std::string& prefix) {
  std::int64_t count = 0;
  for (std::uint32_t i = 0; i < graph.inputs.size(); ++i)
    if (graph.inputs[i].role == ir::Role::param && graph.input_name(i).starts_with(prefix))
      count += graph.type(graph.inputs[i].value).elements();
  return count;
}

std::string output_type(const ir::Module& module, const std::string& entry, const std::string& output) {
  const ir::Graph* graph = module.find(entry);
  REQUIRE(graph);
  REQUIRE(graph->find_output(output) != ir::kNone);
  return ir::to_string(graph->type(graph->outputs[graph->find_output(output)].value));
}

training::DatasetSplits few_digits(std::int64_t train, std::int64_t test) {
  training::DigitsOptions options;
  options.train = train;
  options.validation = 0;
  options.test = test;
  return training::make_digits(options);
}

training::SessionOptions session_options() {
  training::SessionOptions options;
  options.threads = 1;
  options.batch = 64;
  options.optimizer.learning_rate = 3e-3;
  return options;
}

double first_loss(training::Session& session, const training::DatasetSplits& data) {
  return session.evaluate(data.test).front().second;
}

}  // namespace

TEST_CASE("encoders have the parameters of the published networks") {
  const auto encoder_parameters = [](const Options& options) {
    return parameters_of(*build_model("classifier", options).find("loss"), "encoder.");
  };
  CHECK(encoder_parameters(merged(kColour, {{"encoder", "cnn"}})) == 388896);
  // kuangliu's CIFAR ResNet-18 has 11,173,962 with its last layer of 512 x 10 and 10.
  CHECK(encoder_parameters(merged(kColour, {{"encoder", "resnet18"}})) == 11173962 - 5130);
  CHECK(encoder_parameters(merged(kColour, {{"encoder", "nin"}})) ==
        3 * 192 * 25 + 192 * 160 + 160 * 96 + 96 * 192 * 25 + 2 * 192 * 192 + 2 * (9 + 2) * 192 * 192 +
            2 * (192 + 160 + 96 + 9 * 192));
  CHECK(encoder_parameters({{"encoder", "mlp"}, {"hidden", "300,100"}}) == 784 * 300 + 300 + 300 * 100 + 100);
  CHECK(encoder_parameters({{"encoder", "conv"}}) == 32 * 9 + 32 + 64 * 32 * 9 + 64 + 64 * 49 * 64 + 64);
}

TEST_CASE("encoders' blocks and representations, of MNIST's and CIFAR's pictures") {
  const auto types = [](const Options& options, int blocks) {
    const ir::Module module = build_model("classifier", options);
    std::string text = output_type(module, "encode", "latent");
    for (int i = 1; i <= blocks; ++i) text += " " + output_type(module, "features", "block" + std::to_string(i));
    CHECK(module.find("features")->outputs.size() == std::size_t(blocks));
    return text;
  };
  CHECK(types({{"encoder", "cnn"}}, 4) == "f32[B,256] f32[B,32,14,14] f32[B,64,7,7] f32[B,128,3,3] f32[B,256,1,1]");
  CHECK(types(merged(kColour, {{"encoder", "cnn"}, {"widths", "8,16"}}), 2) ==
        "f32[B,16] f32[B,8,16,16] f32[B,16,8,8]");
  CHECK(types({{"encoder", "cnn"}, {"widths", "4,4,4,4,4,6"}}, 6).ends_with("f32[B,4,1,1] f32[B,4,1,1] f32[B,6,1,1]"));
  CHECK(types(merged(kColour, {{"encoder", "nin"}}), 4) ==
        "f32[B,192] f32[B,96,16,16] f32[B,192,8,8] f32[B,192,8,8] f32[B,192,8,8]");
  CHECK(types(merged(kColour, {{"encoder", "resnet18"}}), 4) ==
        "f32[B,512] f32[B,64,32,32] f32[B,128,16,16] f32[B,256,8,8] f32[B,512,4,4]");
  CHECK(types({{"encoder", "resnet18"}}, 4) ==
        "f32[B,512] f32[B,64,28,28] f32[B,128,14,14] f32[B,256,7,7] f32[B,512,4,4]");
  CHECK(types({{"encoder", "conv"}, {"latent", "5"}}, 2) == "f32[B,5] f32[B,32,14,14] f32[B,64,7,7]");
  CHECK(types({{"encoder", "mlp"}, {"hidden", "20,10"}}, 2) == "f32[B,10] f32[B,20] f32[B,10]");
  CHECK(error_of([] {
          build_model("classifier", {{"encoder", "resnet"}});
        }) == "--encoder takes mlp or conv or cnn or nin or resnet18, got 'resnet'; did you mean 'resnet18'?");
}

TEST_CASE("the parameters of an encoder bear the same names in every model") {
  const auto names = [](const std::string& model) {
    std::set<std::string> found;
    const ir::Module module = build_model(model, {});
    for (const ir::Input& input : module.find("loss")->inputs)
      if (const std::string& name = module.find("loss")->values[input.value].name; name.starts_with("encoder."))
        found.insert(name);
    return found;
  };
  const std::set<std::string> classifier = names("classifier");
  CHECK(classifier.size() == 4 * 5);
  CHECK(classifier.count("encoder.block2.norm.running_var") == 1);
  CHECK(names("rotnet") == classifier);
  CHECK(names("simclr") == classifier);
}

TEST_CASE("RotNet: one turn or all four of each picture; the test always all") {
  const auto rows = [](const std::string& turns, const std::string& entry) {
    const ir::Module module = build_model("rotnet", {{"turns", turns}, {"widths", "4"}});
    for (const ir::Op& op : module.find(entry)->ops)
      if (op.code == ir::OpCode::matmul) return ir::to_string(module.find(entry)->type(op.results.front()));
    return std::string();
  };
  CHECK(rows("one", "loss") == "f32[B,4]");
  CHECK(rows("all", "loss") == "f32[4*B,4]");
  CHECK(rows("one", "test") == "f32[4*B,4]");
  CHECK(error_of([] { build_model("rotnet", {{"height", "28"}, {"width", "20"}}); }).find("20") != std::string::npos);
  CHECK(error_of([] {
          build_model("rotnet", {{"turns", "two"}});
        }) == "--turns takes one or all, got 'two'; known: one, all");
}

TEST_CASE("RotNet: reconstruct turns pictures back by what the network tells") {
  const training::DatasetSplits data = few_digits(8, 8);
  training::Session session(build_model("rotnet", {{"widths", "4"}}), session_options());
  const auto outputs = session.run("reconstruct", data.test);
  const std::span<const float> turned = outputs.at("turned").as<float>(), restored = outputs.at("xhat").as<float>();
  const auto logits = session.run("classify", {{"x", outputs.at("turned")}}).at("logits");
  const std::int64_t side = 28, plane = side * side;
  for (std::int64_t i = 0; i < 8; ++i) {
    const std::span<const float> scores = logits.as<float>().subspan(static_cast<std::size_t>(4 * i), 4);
    const auto told = std::ranges::max_element(scores) - scores.begin();
    std::vector<float> expected(restored.begin() + i * plane, restored.begin() + (i + 1) * plane);
    for (std::int64_t turn = 0; turn < told; ++turn) {  // anticlockwise
      std::vector<float> next(expected.size());
      for (std::int64_t y = 0; y < side; ++y)
        for (std::int64_t x = 0; x < side; ++x)
          next[static_cast<std::size_t>(y * side + x)] = expected[static_cast<std::size_t>(x * side + side - 1 - y)];
      expected = next;
    }
    CHECK(std::ranges::equal(expected, turned.subspan(static_cast<std::size_t>(i * plane), plane)));
  }
}

TEST_CASE("SimCLR: what its options refuse") {
  const auto refused = [](const Options& options) { return error_of([&] { build_model("simclr", options); }); };
  CHECK(refused({{"temperature", "0"}}) == "--temperature takes a number above 0, got 0");
  CHECK(refused({{"temperature", "-1"}}) == "--temperature takes a number above 0, got -1");
  CHECK(refused({{"head", ""}}) == "--head takes at least the size of the projection, such as 512,128");
  CHECK(refused({{"augment", "none"}}) == "--augment none makes the two views of an image equal: nothing to learn");
  CHECK(refused({{"crop", "0"}}) == "--crop takes a number above 0 and up to 1, got 0");
  CHECK(refused({{"flip", "1.5"}}) == "--flip takes a number from 0 to 1, got 1.5");
  CHECK(refused({{"augment", "colours"}}).find("did you mean 'colour'?") != std::string::npos);
  CHECK(error_of([] {
          build_model("classifier", {{"dropout", "1"}});
        }) == "--dropout takes a number of at least 0 and below 1, got 1");
}

TEST_CASE("SimCLR: a batch of one has nobody to tell a picture from") {
  const training::DatasetSplits data = few_digits(4, 4);
  training::SessionOptions options = session_options();
  options.batch = 1;
  training::Session session(build_model("simclr", {{"widths", "4"}, {"head", "4"}}), options);
  const std::int64_t first = 0;
  CHECK_ERROR(session.step(data.train, std::span(&first, 1)), "got");
}

TEST_CASE("SimCLR: two views of a picture differ, and projections have length 1") {
  const training::DatasetSplits data = few_digits(8, 8);
  training::Session session(build_model("simclr", {{"widths", "4,8"}, {"head", "8,4"}}), session_options());
  const auto one = session.run("augment", data.test).at("view"), two = session.run("augment", data.test, 1).at("view");
  CHECK(one.shape == std::vector<std::int64_t>{8, 1, 28, 28});
  CHECK(one != two);
  const auto projected = session.run("project", data.test).at("z");
  for (std::size_t i = 0; i < 8; ++i) {
    double square = 0;
    for (std::size_t j = 0; j < 4; ++j) square += std::pow(double(projected.as<float>()[4 * i + j]), 2);
    CHECK(square == doctest::Approx(1).epsilon(1e-4));
  }
}

TEST_CASE("models learn: their losses fall on the built-in digits") {
  const training::DatasetSplits data = few_digits(320, 128);
  training::TrainOptions options;
  options.epochs = 12;
  const auto fallen = [&](const std::string& name, const Options& model_options) {
    training::Session session(build_model(name, model_options), session_options());
    const double before = first_loss(session, data);
    const training::Outcome outcome = train(session, data, options);
    return outcome.test.front().second / before;
  };
  CHECK(fallen("classifier", {{"widths", "8,16"}}) < .95);
  CHECK(fallen("classifier", {{"encoder", "mlp"}, {"hidden", "32"}, {"label-smoothing", "0.1"}, {"dropout", "0.2"}}) <
        .7);
  CHECK(fallen("rotnet", {{"widths", "8,16"}}) < .98);
  CHECK(fallen("simclr", {{"widths", "8,16"}, {"head", "32,16"}}) < .98);
}

TEST_CASE("a frozen classifier trains its head alone, whatever its encoder") {
  const training::DatasetSplits data = few_digits(128, 64);
  for (const std::string encoder : {"cnn", "conv", "mlp"}) {
    CAPTURE(encoder);
    Options options = {{"encoder", encoder}, {"frozen", "true"}, {"hidden", "16"}, {"latent", "16"}};
    if (encoder != "mlp") options["widths"] = "4,8";
    training::Session session(build_model("classifier", options), session_options());
    const auto before = session.save().tensors;
    training::TrainOptions train_options;
    train_options.epochs = 2;
    train(session, data, train_options);
    const auto after = session.save().tensors;
    for (const auto& [name, tensor] : before)
      if (name.starts_with("encoder.")) CHECK(after.at(name) == tensor);
    CHECK(after.at("head.logits.weight") != before.at("head.logits.weight"));
  }
}
