// Training on the reference backend: feeding, state, sessions and the loop.
#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <numeric>

#include "frontend/entry.h"
#include "frontend/ops.h"
#include "runtime/safetensors.h"
#include "tests/support/small_models.h"
#include "tests/support/temp_folder.h"
#include "training/evaluation/codes.h"
#include "training/runs/run.h"
#include "training/stats/plane.h"
#include "training/step.h"

using namespace weft;
using namespace weft::training;
using namespace weft::test;

namespace {

std::vector<std::int64_t> first(std::int64_t count) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  return indices;
}

}  // namespace

// --- Feeding -------------------------------------------------------------------------------------------------------

TEST_CASE("a fed entry computes what the entry computes of the gathered, scaled samples") {
  const DatasetSplits data = few_digits(20);
  Session session(make_vae(), reference_options(8));
  const runtime::NamedTensors fed = session.run("encode", data.train);

  runtime::HostTensor x = runtime::HostTensor::zeros(ir::DType::f32, {20, kPixels});
  for (std::size_t i = 0; i < x.as<float>().size(); ++i)
    x.as<float>()[i] = static_cast<float>(data.train.samples.as<std::uint8_t>()[i]) * static_cast<float>(1.0 / 255);
  const runtime::NamedTensors plain = session.run("encode", {{"x", x}});
  CHECK(fed.at("latent").shape == std::vector<std::int64_t>{20, 3});
  CHECK(fed == plain);
}

TEST_CASE("a fed entry takes the labels of its samples") {
  ir::Module module;
  module.name = "labels";
  {
    Entry entry(module, "echo", Mode::eval);
    const Tensor x = entry.input("x", {B, kPixels});
    const Tensor labels = entry.input("labels", {B}, DType::i32);
    entry.output("labels", labels);
    entry.output("ink", sum(x, 1));
  }
  const DatasetSplits data = few_digits(11);
  Session session(std::move(module), reference_options(4));
  const runtime::NamedTensors outputs = session.run("echo", data.train);
  CHECK(outputs.at("labels") == data.train.labels);
}

TEST_CASE("what cannot be fed is refused") {
  ir::Module module;
  module.name = "strange";
  {
    Entry entry(module, "depth", Mode::eval);
    entry.output("y", sum(entry.input("x", {B, 4}), 1) + sum(entry.input("depth", {B, 4}), 1));
  }
  {
    Entry entry(module, "decode", Mode::eval);
    entry.output("x", exp(entry.input("z", {B, 2})));
  }
  CHECK_ERROR(fed_entry(module, "depth"), "entry @depth takes depth f32[B,4], which a data set cannot give");
  CHECK_ERROR(fed_entry(module, "decode"), "entry @decode has no input x");
  CHECK_ERROR(fed_entry(module, "decod"), "did you mean 'decode'?");
}

TEST_CASE("pictures of another size are refused") {
  ir::Module module;
  module.name = "tiny";
  {
    Entry entry(module, "encode", Mode::eval);
    entry.output("latent", exp(entry.input("x", {B, 16})));
  }
  Session session(std::move(module), reference_options());
  const DatasetSplits data = few_digits(10);
  CHECK_ERROR(session.run("encode", data.train), "samples of 16 numbers");
}

// --- State ---------------------------------------------------------------------------------------------------------

TEST_CASE("params start from the seed, inside the bounds of their inits") {
  const runtime::TensorFile one = Session(make_vae(), reference_options(32, 1)).save();
  const runtime::TensorFile same = Session(make_vae(), reference_options(32, 1)).save();
  const runtime::TensorFile two = Session(make_vae(), reference_options(32, 2)).save();
  const std::string name = "encoder.fc1.weight";
  CHECK(one.tensors == same.tensors);
  CHECK(one.tensors.at(name) != two.tensors.at(name));
  CHECK(one.tensors.at("encoder.mu.weight") != one.tensors.at("encoder.logvar.weight"));

  const auto weights = one.tensors.at(name).as<float>();
  const double bound = 1 / std::sqrt(double(kPixels));
  double sum = 0, square = 0, largest = 0;
  for (const float weight : weights) {
    sum += weight;
    square += double(weight) * weight;
    largest = std::max(largest, std::abs(double(weight)));
  }
  const double count = double(weights.size());
  CHECK(largest <= bound);
  CHECK(largest > 0.99 * bound);
  CHECK(std::abs(sum / count) < 4 * bound / std::sqrt(3 * count));  // four standard errors
  CHECK(square / count == doctest::Approx(bound * bound / 3).epsilon(0.05));
  for (const float moment : one.tensors.at("adam.m." + name).as<float>()) CHECK(moment == 0);
}

TEST_CASE("weights of another model are refused, and nothing is taken of them") {
  const test::TempFolder folder;
  const auto path = folder / "other.safetensors";
  const Session other(make_vae(9), reference_options(32, 7));
  const runtime::TensorFile file = other.save();
  runtime::write_safetensors(path, file.tensors, file.metadata);

  Session session(make_vae(), reference_options());
  const runtime::TensorFile before = session.save();
  const runtime::TensorFile read = runtime::read_safetensors(path);
  CHECK_ERROR(session.load_weights(read, path), "f32[784,9] in the file, but f32[784,8] in the model");
  CHECK_ERROR(session.restore(read, path), path.string());
  CHECK(session.save().tensors == before.tensors);

  runtime::TensorFile lacking = before;
  lacking.tensors.erase("decoder.out.bias");
  CHECK_ERROR(session.load_weights(lacking, path), "it lacks decoder.out.bias f32[784]");
  runtime::TensorFile extra = before;
  extra.tensors["decoder.fc9.bias"] = runtime::HostTensor::zeros(ir::DType::f32, {5});
  CHECK_ERROR(session.load_weights(extra, path), "decoder.fc9.bias f32[5] is not one of its tensors");

  SessionOptions sgd = reference_options();
  sgd.optimizer.kind = passes::OptimizerSpec::Kind::sgd;
  Session with_sgd(make_vae(), sgd);
  CHECK_ERROR(session.restore(with_sgd.save(), path), "another optimizer");
  CHECK_ERROR(with_sgd.restore(before, path), "another optimizer");
  with_sgd.load_weights(before, path);  // weights alone go from one optimizer to another
  CHECK(with_sgd.save().tensors.at("encoder.fc1.weight") == before.tensors.at("encoder.fc1.weight"));
}

TEST_CASE("weights that are not finite are refused by name, and looked at where that is asked for") {
  Session session(make_vae(), reference_options());
  runtime::TensorFile file = session.save();
  const std::string weight = "encoder.fc1.bias";
  REQUIRE(file.tensors.contains(weight));
  file.tensors.at(weight).as<float>()[3] = std::numeric_limits<float>::quiet_NaN();
  file.tensors.at(weight).as<float>()[5] = std::numeric_limits<float>::infinity();
  const std::string told =
      "w.safetensors: encoder.fc1.bias holds 2 of 8 values that are not finite, the first at index 3 (nan)";
  const runtime::TensorFile before = session.save();
  CHECK_ERROR(session.load_weights(file, "w.safetensors"), told);
  CHECK_ERROR(session.restore(file, "w.safetensors"), told);
  CHECK_ERROR(session.load_part(file, "w.safetensors", "encoder."), told);
  CHECK(session.save().tensors == before.tensors);

  SessionOptions options = reference_options();
  options.allow_nonfinite = true;
  Session looks(make_vae(), options);
  looks.load_weights(file, "w.safetensors");
  const Metrics metrics = looks.evaluate(few_digits(32).train);
  CHECK(test::contains(nonfinite_of(metrics), "loss is "));
  CHECK(nonfinite_of({{"loss", 1}, {"kl", HUGE_VAL}, {"recon", 0}}) == "kl is inf");
  CHECK(nonfinite_of({{"loss", 1}}).empty());
}

TEST_CASE("a file of weights alone is no checkpoint") {
  Session session(make_vae(), reference_options());
  runtime::TensorFile file = session.save();
  file.metadata.erase("step");
  CHECK_ERROR(session.restore(file, "w.safetensors"), "lacks 'step'");
  file.metadata["step"] = "12x";
  CHECK_ERROR(session.restore(file, "w.safetensors"), "'12x'");
}

// --- Sessions ------------------------------------------------------------------------------------------------------

TEST_CASE("entries share the trained params") {
  const DatasetSplits data = few_digits(32);
  Session session(make_vae(), reference_options());
  const runtime::NamedTensors before = session.run("encode", data.train);
  session.step(data.train, first(32));
  CHECK(session.steps() == 1);
  const runtime::NamedTensors after = session.run("encode", data.train);
  CHECK(before.at("latent") != after.at("latent"));
}

TEST_CASE("evaluation is deterministic, and leaves training as it was") {
  const DatasetSplits data = few_digits(40, 0, 25);
  Session watched(make_vae(), reference_options(16)), plain(make_vae(), reference_options(16));
  const Metrics one = watched.evaluate(data.test);
  CHECK(one == watched.evaluate(data.test));
  CHECK(metric_of(one, "loss") == doctest::Approx(metric_of(one, "recon") + metric_of(one, "kl")).epsilon(1e-5));
  watched.step(data.train, first(16));
  watched.evaluate(data.test);
  watched.step(data.train, first(16));
  plain.step(data.train, first(16));
  plain.step(data.train, first(16));
  CHECK(watched.save().tensors == plain.save().tensors);
}

TEST_CASE("evaluation is the mean over all images, whatever the batch") {
  const DatasetSplits data = few_digits(10, 0, 23);
  Session one_by_one(make_autoencoder(), reference_options(1)), in_tens(make_autoencoder(), reference_options(10)),
      at_once(make_autoencoder(), reference_options(100));
  const double expected = metric_of(one_by_one.evaluate(data.test), "loss");
  CHECK(metric_of(in_tens.evaluate(data.test), "loss") == doctest::Approx(expected).epsilon(1e-6));
  CHECK(metric_of(at_once.evaluate(data.test), "loss") == doctest::Approx(expected).epsilon(1e-6));
}

TEST_CASE("hyper inputs reach the entries, and an unknown one is named") {
  const DatasetSplits data = few_digits(10, 0, 10);
  Session session(make_vae(), reference_options());
  const Metrics before = session.evaluate(data.test);
  session.set_hyper("beta", 3);
  const Metrics after = session.evaluate(data.test);
  CHECK(metric_of(after, "recon") == metric_of(before, "recon"));
  CHECK(metric_of(after, "loss") - metric_of(before, "loss") ==
        doctest::Approx(2 * metric_of(before, "kl")).epsilon(1e-3));
  CHECK_ERROR(session.set_hyper("bta", 1), "did you mean 'beta'?");
}

TEST_CASE("inputs of an entry are checked") {
  Session session(make_vae(), reference_options());
  const auto codes = [](std::vector<std::int64_t> shape) { return runtime::HostTensor::zeros(ir::DType::f32, shape); };
  CHECK(session.run("decode", {{"z", codes({50, 3})}}).at("x").shape == std::vector<std::int64_t>{50, kPixels});
  CHECK_ERROR(session.run("decode", {{"z", codes({50, 4})}}), "z is f32[B,3], but f32[50,4] was given");
  CHECK_ERROR(session.run("decode", runtime::NamedTensors{}), "entry @decode needs z f32[B,3]");
  CHECK_ERROR(session.run("decode", {{"z", codes({2, 3})}, {"y", codes({2, 3})}}), "no input y");
  CHECK_ERROR(session.run("decode", {{"z", codes({0, 3})}}), "no rows");
  CHECK_ERROR(session.step(few_digits(3).train, std::vector<std::int64_t>{3}), "sample 3 is outside a data set of 3");
}

// --- The loop ------------------------------------------------------------------------------------------------------

TEST_CASE("an epoch lowers the loss, and takes the tail of the data along") {
  const DatasetSplits data = few_digits(300, 50, 50);
  SessionOptions options = reference_options();
  options.optimizer.learning_rate = 5e-3;
  Session session(make_vae(), options);
  const double before = metric_of(session.evaluate(data.test), "loss");
  std::vector<Progress> steps;
  std::vector<EpochResult> results;
  TrainHooks hooks;
  hooks.progress = [&](const Progress& progress) { steps.push_back(progress); };
  hooks.epoch = [&](const EpochResult& result) { results.push_back(result); };
  const Outcome outcome = train(session, data, epochs(2), hooks);

  CHECK(outcome.epochs == 2);
  CHECK(outcome.steps == 20);  // 9 batches of 32 and one of 12, twice
  CHECK(steps.size() == 20);
  CHECK(steps.back().steps == 20);
  CHECK(steps.back().epoch == 2);
  REQUIRE(results.size() == 2);
  CHECK(metric_of(results[1].train, "loss") < metric_of(results[0].train, "loss"));
  CHECK(metric_of(results[0].train, "loss") == doctest::Approx(steps[9].loss));
  CHECK(std::isfinite(metric_of(results[1].validation, "kl")));
  CHECK(metric_of(outcome.test, "loss") < 0.9 * before);
  CHECK(outcome.test == session.evaluate(data.test));
}

TEST_CASE("a run stopped at any step and gone on with is bitwise the run never stopped") {
  const DatasetSplits data = few_digits(100);
  Session whole(make_vae(), reference_options());
  std::vector<Metrics> whole_epochs;
  TrainHooks hooks;
  hooks.epoch = [&](const EpochResult& result) { whole_epochs.push_back(result.train); };
  train(whole, data, epochs(3), hooks);

  const test::TempFolder folder;
  const std::uint64_t last = 12;  // 4 steps an epoch
  for (const std::uint64_t stop_at : {1, 4, 6, 11}) {
    CAPTURE(stop_at);
    const RunDirectory run =
        RunDirectory::create(folder.path(), config_of(make_vae(), 3), make_vae(), RunDirectory::Existing::replace);
    std::atomic<bool> stop = false;
    std::vector<Metrics> seen;
    TrainHooks stopping;
    stopping.stop = &stop;
    stopping.epoch = [&](const EpochResult& result) { seen.push_back(result.train); };
    stopping.progress = [&](const Progress& progress) { stop = progress.step >= stop_at; };
    Session first_part(make_vae(), reference_options());
    stopping.checkpoint = [&](const Position& position) { run.save(first_part, position); };
    CHECK(train(first_part, data, epochs(3), stopping).interrupted);
    CHECK(first_part.steps() == stop_at);

    Session second_part(make_vae(), reference_options(32, 99));  // the seed is the checkpoint's
    const Position position = run.restore(second_part);
    CHECK(second_part.steps() == stop_at);
    TrainHooks rest;
    rest.epoch = stopping.epoch;
    const Outcome outcome = train(second_part, data, epochs(3), rest, position);
    CHECK_FALSE(outcome.interrupted);
    CHECK(outcome.steps == last);
    CHECK(second_part.save().tensors == whole.save().tensors);
    CHECK(seen == whole_epochs);
  }
}

TEST_CASE("a checkpoint of other data or another batch is refused") {
  Session session(make_vae(), reference_options());
  const DatasetSplits data = few_digits(64);
  train(session, data, epochs(1));
  CHECK_ERROR(train(session, few_digits(100), epochs(2), {}, {1, 0, {}}), "is at step 2");
}

TEST_CASE("training that diverges says where, what and what to try") {
  const DatasetSplits data = few_digits(64);
  SessionOptions options = reference_options();
  options.optimizer.kind = passes::OptimizerSpec::Kind::sgd;
  options.optimizer.learning_rate = 1e30;
  Session session(make_vae(), options);
  int checkpoints = 0;
  TrainHooks hooks;
  hooks.checkpoint = [&](const Position&) { ++checkpoints; };
  const std::string message = test::error_of([&] { train(session, data, epochs(5), hooks); });
  CHECK(test::contains(message, "training diverged at step "));
  CHECK(test::contains(message, "lower learning rate (it is 1e+30)"));
  CHECK(checkpoints == 0);
}

TEST_CASE("the learning rate warms up, and falls along a cosine") {
  Schedule schedule;
  CHECK(learning_rate(schedule, 0.1, 7, 10, 100) == 0.1);
  schedule.warmup_epochs = 1;
  CHECK(learning_rate(schedule, 0.1, 0, 10, 100) == doctest::Approx(0.01));
  CHECK(learning_rate(schedule, 0.1, 9, 10, 100) == doctest::Approx(0.1));
  schedule.kind = Schedule::Kind::cosine;
  CHECK(learning_rate(schedule, 0.1, 10, 10, 100) == doctest::Approx(0.1));
  CHECK(learning_rate(schedule, 0.1, 55, 10, 100) == doctest::Approx(0.05));
  CHECK(learning_rate(schedule, 0.1, 99, 10, 100) < 1e-4);
}

// --- Pictures ------------------------------------------------------------------------------------------------------

TEST_CASE("samples are a function of weights and seed") {
  Session session(make_vae(), reference_options());
  CHECK(is_generative(session));
  CHECK(sample_prior(session, 10, 5) == sample_prior(session, 10, 5));
  CHECK(sample_prior(session, 10, 5) != sample_prior(session, 10, 6));
  CHECK_FALSE(is_generative(Session(make_autoencoder(), reference_options())));
}

TEST_CASE("codes are shown along the directions of largest variance") {
  const std::vector<float> flat{1, 2, 3, 4};
  CHECK(plane_of(flat, 2) == flat);
  CHECK(plane_of(flat, 1) == std::vector<float>{1, 0, 2, 0, 3, 0, 4, 0});
  // Variance 9 along (0,.6,.8), 4 along (1,0,0), 0 elsewhere, around (1,1,1).
  const std::vector<float> points{1, 1 + 1.8f, 1 + 2.4f, 1, 1 - 1.8f, 1 - 2.4f, 3, 1, 1, -1, 1, 1};
  const std::vector<float> plane = plane_of(points, 3);
  const std::vector<float> expected{3, 0, -3, 0, 0, 2, 0, -2};
  REQUIRE(plane.size() == expected.size());
  for (std::size_t i = 0; i < plane.size(); ++i) CHECK(plane[i] == doctest::Approx(expected[i]).epsilon(1e-4));
  CHECK_ERROR(plane_of(flat, 3), "4 numbers do not form points of 3 dims");
}
