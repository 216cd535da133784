// What representations are worth: principal components, neighbours, probes and fine-tuning, on data whose answers are
// known.
#include "training/evaluation/representation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "frontend/entry.h"
#include "frontend/layers.h"
#include "frontend/losses.h"
#include "ir/error.h"
#include "runtime/rng.h"
#include "tests/support/temp_folder.h"
#include "training/data/digits.h"
#include "training/evaluation/finetune.h"
#include "training/evaluation/knn.h"
#include "training/evaluation/probe.h"
#include "training/runs/probed_session.h"
#include "training/stats/pca.h"

using namespace weft;
using namespace weft::training;
using runtime::HostTensor;

namespace {

SessionOptions options_of(std::int64_t batch = 32) {
  SessionOptions options;
  options.backend = "reference";
  options.threads = 1;
  options.batch = batch;
  return options;
}

double normal(std::uint32_t index, std::uint32_t stream = 1) { return runtime::normal<double>({7, stream, 0}, index); }

Dataset features_of(std::vector<float> values, std::int64_t columns, std::vector<std::int32_t> labels, int classes) {
  const auto rows = static_cast<std::int64_t>(labels.size());
  Dataset data{"features",
               HostTensor::of<float>(std::span<const float>(values), {rows, columns}),
               HostTensor::of<std::int32_t>(std::span<const std::int32_t>(labels), {rows}),
               classes,
               {}};
  for (int i = 0; i < classes; ++i) data.class_names.push_back(std::to_string(i));
  return data;
}

// Classes 0 and 1 on the two sides of a line, far from it; a second column of noise on another scale.
Dataset two_sides(std::int64_t count, std::uint32_t stream) {
  std::vector<float> values;
  std::vector<std::int32_t> labels;
  for (std::uint32_t i = 0; i < count; ++i) {
    labels.push_back(std::int32_t(i % 2));
    values.push_back(float((i % 2 == 0 ? -3 : 3) + 0.5 * normal(2 * i, stream)));
    values.push_back(float(1000 + 500 * normal(2 * i + 1, stream)));
  }
  return features_of(std::move(values), 2, std::move(labels), 2);
}

// Class 1 where both coordinates have one sign: no line parts them.
Dataset crossed(std::int64_t count, std::uint32_t stream) {
  std::vector<float> values;
  std::vector<std::int32_t> labels;
  for (std::uint32_t i = 0; i < count; ++i) {
    const double x = (i % 2 == 0 ? -1 : 1) + 0.1 * normal(2 * i, stream);
    const double y = (i / 2 % 2 == 0 ? -1 : 1) + 0.1 * normal(2 * i + 1, stream);
    values.push_back(float(x)), values.push_back(float(y));
    labels.push_back(x * y > 0);
  }
  return features_of(std::move(values), 2, std::move(labels), 2);
}

}  // namespace

// --- Principal components --------------------------------------------------------------------------------------------

TEST_CASE("principal components of points along known directions") {
  // Variance 16 along (3,4,0)/5, 4 along (0,0,1), 1/4 along (4,-3,0)/5, around (1,2,3).
  const double axes[3][3] = {{.6, .8, 0}, {0, 0, 1}, {.8, -.6, 0}}, deviations[3] = {4, 2, .5};
  std::vector<float> values;
  for (std::uint32_t i = 0; i < 4000; ++i)
    for (int c = 0; c < 3; ++c) {
      double value = c + 1;
      for (std::uint32_t a = 0; a < 3; ++a) value += deviations[a] * normal(3 * i + a) * axes[a][c];
      values.push_back(float(value));
    }
  const HostTensor rows = HostTensor::of<float>(std::span<const float>(values), {4000, 3});
  const Pca pca = principal_components(rows, 2, options_of());
  for (int k = 0; k < 2; ++k) {
    double cosine = 0;
    for (int c = 0; c < 3; ++c) cosine += pca.components[std::size_t(3 * k + c)] * axes[k][c];
    CHECK(std::abs(cosine) > .999);
  }
  const HostTensor along = project(pca, rows, options_of());
  CHECK(along.shape == std::vector<std::int64_t>{4000, 2});
  double sum[2] = {}, square[2] = {};
  for (std::size_t i = 0; i < along.as<float>().size(); ++i) {
    sum[i % 2] += double(along.as<float>()[i]);
    square[i % 2] += double(along.as<float>()[i]) * double(along.as<float>()[i]);
  }
  for (int k = 0; k < 2; ++k) {
    CHECK(std::abs(sum[k] / 4000) < 1e-3);
    CHECK(square[k] / 4000 == doctest::Approx(deviations[k] * deviations[k]).epsilon(.05));
  }
  CHECK_ERROR(principal_components(rows, 4, options_of()), "4 principal components of 3 columns");
}

// --- Neighbours ------------------------------------------------------------------------------------------------------

TEST_CASE("neighbours vote by the cosine alone") {
  // Class by direction; lengths mean nothing. The query along (1,0) has two neighbours of class 0 and one of class 1.
  const Dataset train = features_of({1, 0, 100, 10, 0, 1, 1, 5, -1, 0}, 2, {0, 0, 1, 1, 2}, 3);
  const Dataset test = features_of({.001f, 0, 0, 70, -3, .1f}, 2, {0, 1, 2}, 3);
  CHECK(knn_accuracies(train, test, {{1, 0}}, options_of()) == std::vector<double>{1});
  // Three vote: the third query has one of its class and two of others, of whom 1 is nearer than 0 but each counts one;
  // a low temperature hears the nearest alone.
  const std::vector<double> found = knn_accuracies(train, test, {{3, 0}, {3, .1}}, options_of());
  CHECK(found[0] == doctest::Approx(2.0 / 3));
  CHECK(found[1] == 1);
  CHECK_ERROR(knn_accuracies(train, test, {{6, 0}}, options_of()), "holds 5 samples, too few for 6 neighbours");
}

TEST_CASE("neighbours of many queries are those found by hand") {
  const Dataset train = crossed(300, 1), test = crossed(333, 2);
  const auto row = [](const Dataset& data, std::int64_t i) { return data.samples.as<float>().data() + 2 * i; };
  std::int64_t right = 0;
  for (std::int64_t i = 0; i < test.size(); ++i) {
    double best = -2;
    std::int64_t nearest = 0;
    for (std::int64_t j = 0; j < train.size(); ++j) {
      const float *a = row(test, i), *b = row(train, j);
      const double cosine =
          (double(a[0]) * double(b[0]) + double(a[1]) * double(b[1])) / std::hypot(a[0], a[1]) / std::hypot(b[0], b[1]);
      if (cosine > best) best = cosine, nearest = j;
    }
    right += train.labels.as<std::int32_t>()[std::size_t(nearest)] == test.labels.as<std::int32_t>()[std::size_t(i)];
  }
  const double accuracy = knn_accuracies(train, test, {{1, 0}}, options_of()).front();
  CHECK(accuracy ==
        doctest::Approx(double(right) / double(test.size())).epsilon(.004));  // f32 may break a tie otherwise
}

// --- Probes ----------------------------------------------------------------------------------------------------------

TEST_CASE("standardised features have mean 0 and deviation 1 over the training samples; what never varies is 0") {
  DatasetSplits data{two_sides(200, 1), two_sides(50, 2), two_sides(50, 3)};
  data.train.samples = HostTensor::of<float>(data.train.samples.as<float>(), {100, 2, 2});
  data.validation.samples.shape = {25, 2, 2};
  data.test.samples.shape = {25, 2, 2};
  for (std::size_t i = 0; i < 400; ++i)
    if (i % 4 >= 2) data.train.samples.as<float>()[i] = 5;
  standardise(data);
  double sum = 0, square = 0;
  for (std::size_t i = 0; i < 400; ++i) {
    const double value = double(data.train.samples.as<float>()[i]);
    if (i % 4 >= 2) CHECK(value == 0);
    sum += value;
    square += value * value;
  }
  CHECK(std::abs(sum / 200) < 1e-4);
  CHECK(square / 200 == doctest::Approx(1).epsilon(1e-4));
}

TEST_CASE("a linear probe parts what a line parts, an mlp what it does not") {
  ProbeOptions options;
  options.batch = 50;
  options.epochs = 20;
  options.learning_rate = 1e-2;
  options.weight_decays = {0};
  DatasetSplits sides{two_sides(400, 1), two_sides(100, 2), two_sides(200, 3)};
  standardise(sides);
  const ProbeResult linear = probe(sides, options, options_of());
  CHECK(linear.test == 1);
  CHECK(linear.validation == 1);

  DatasetSplits cross{crossed(400, 1), {}, crossed(200, 3)};
  CHECK(probe(cross, options, options_of()).test < .8);
  options.kind = ProbeKind::mlp;
  options.epochs = 5;
  const ProbeResult mlp = probe(cross, options, options_of());
  CHECK(mlp.test > .98);
  CHECK(probe(cross, options, options_of()).test == mlp.test);

  options.kind = ProbeKind::conv;
  CHECK_ERROR(probe(cross, options, options_of()), "the conv probe takes maps [N,C,H,W], but these features are");
  CHECK_ERROR(parse_probe("lnear"), "did you mean 'linear'?");
}

TEST_CASE("the validation samples alone choose the weight decay") {
  ProbeOptions options;
  options.batch = 50;
  options.epochs = 10;
  options.learning_rate = 1e-2;
  options.weight_decays = {1e6, 0};  // the first keeps all weights at 0
  DatasetSplits sides{two_sides(200, 1), two_sides(100, 2), two_sides(100, 3)};
  standardise(sides);
  CHECK(probe(sides, options, options_of()).weight_decay == 0);
  sides.validation = {};
  CHECK(probe(sides, options, options_of()).weight_decay == 1e6);
}

// --- Fine-tuning -----------------------------------------------------------------------------------------------------

namespace {

constexpr std::int64_t kPixels = 28 * 28;

// A classifier on an encoder of one layer; `head` names what is not of the encoder.
ir::Module make_classifier(std::int64_t hidden = 16, bool frozen = false) {
  ir::Module module{"small_classifier", {}};
  const Linear encoder("encoder.fc1", kPixels, hidden, {.bias = false}), logits("head", hidden, 10);
  const BatchNorm norm("encoder.norm", hidden);
  const auto represent = [&](const Tensor& x) {
    if (!frozen) return relu(norm(encoder(x)));
    const ModeScope eval(Mode::eval);
    return stop_gradient(relu(norm(encoder(x))));
  };
  for (const auto& [name, mode] : {std::pair{"loss", Mode::train}, std::pair{"test", Mode::eval}}) {
    Entry entry(module, name, mode);
    const Tensor x = entry.input("x", {B, kPixels});
    const Tensor labels = entry.input("labels", {B}, DType::i32);
    const Tensor scores = logits(represent(x));
    entry.output("loss", softmax_cross_entropy(scores, labels));
    entry.output("accuracy", accuracy(scores, labels));
  }
  {
    Entry entry(module, "encode", Mode::eval);
    entry.output("latent", represent(entry.input("x", {B, kPixels})));
  }
  {
    Entry entry(module, "features", Mode::eval);
    const Tensor h = encoder(entry.input("x", {B, kPixels}));
    entry.output("block1", h);
    entry.output("block2", norm(h));
  }
  return module;
}

DatasetSplits few_digits() {
  DigitsOptions options;
  options.train = 400;
  options.validation = 20;
  options.test = 100;
  return make_digits(options);
}

RunConfig config_of(std::int64_t epochs) {
  RunConfig config;
  config.model = "small_classifier";
  config.session = options_of(50);
  config.train.epochs = epochs;
  return config;
}

}  // namespace

TEST_CASE("labels are drawn in equal parts, anew for each seed, the same for the same") {
  const DatasetSplits data = few_digits();
  for (const std::int64_t count : {10, 57, 100}) {
    const Dataset drawn = draw_labels(data.train, count, 3);
    CHECK(drawn.size() == count);
    std::vector<std::int64_t> of_class(10);
    for (const std::int32_t label : drawn.labels.as<std::int32_t>()) ++of_class[std::size_t(label)];
    CHECK(std::ranges::max(of_class) - std::ranges::min(of_class) == (count % 10 == 0 ? 0 : 1));
  }
  CHECK(draw_labels(data.train, 50, 3) == draw_labels(data.train, 50, 3));
  CHECK(draw_labels(data.train, 50, 3) != draw_labels(data.train, 50, 4));
  CHECK(draw_labels(data.train, 400, 3) == data.train);
  CHECK_ERROR(draw_labels(data.train, 9, 3), "ask for at least one per class");
  CHECK_ERROR(draw_labels(data.train, 401, 3), "at most all");
  const Dataset one_class = take(data.train, std::vector<std::int64_t>(30, 0));
  CHECK_ERROR(draw_labels(one_class, 20, 3), "samples of class");
}

TEST_CASE("a classifier takes over the encoder alone, and keeps it where it is frozen") {
  Session trained(make_classifier(), options_of(50));
  const DatasetSplits data = few_digits();
  TrainOptions options;
  options.epochs = 2;
  train(trained, data, options);
  const runtime::TensorFile file = trained.save();

  Session frozen(make_classifier(16, true), options_of(50));
  CHECK(frozen.load_part(file, "file", kEncoderPrefix).empty());
  train(frozen, data, options);
  const runtime::TensorFile after = frozen.save();
  int compared = 0;
  for (const auto& [name, tensor] : after.tensors) {
    if (!name.starts_with(kEncoderPrefix)) continue;
    CHECK(tensor == file.tensors.at(name));  // weights, and the statistics of the batch norm
    ++compared;
  }
  CHECK(compared == 5);
  CHECK(after.tensors.at("head.weight") != file.tensors.at("head.weight"));

  Session free(make_classifier(), options_of(50));
  free.load_part(file, "file", kEncoderPrefix);
  CHECK(free.save().tensors.at("encoder.fc1.weight") == file.tensors.at("encoder.fc1.weight"));
  train(free, data, options);
  CHECK(free.save().tensors.at("encoder.fc1.weight") != file.tensors.at("encoder.fc1.weight"));
  CHECK(free.save().tensors.at("encoder.norm.running_mean") != file.tensors.at("encoder.norm.running_mean"));
}

TEST_CASE("weights of another model are refused, and nothing is taken then") {
  const runtime::TensorFile file = Session(make_classifier(), options_of()).save();
  Session wider(make_classifier(24), options_of());
  const runtime::TensorFile before = wider.save();
  CHECK_ERROR(wider.load_part(file, "run/checkpoint.safetensors", kEncoderPrefix),
              "run/checkpoint.safetensors: its weights encoder.* belong to another model");
  CHECK(wider.save().tensors == before.tensors);
  CHECK_ERROR(wider.load_part(file, "file", "backbone."), "the model has no weights backbone.*");

  runtime::TensorFile more = file;
  more.tensors["encoder.code.weight"] = HostTensor::zeros(ir::DType::f32, {16, 2});
  Session same(make_classifier(), options_of());
  CHECK(same.load_part(more, "file", kEncoderPrefix) == std::vector<std::string>{"encoder.code.weight"});
}

TEST_CASE("fine-tuning measures both trainings over the same labels and epochs") {
  const DatasetSplits data = few_digits();
  Session trained(make_classifier(), options_of(50));
  TrainOptions train_options;
  train_options.epochs = 10;
  train(trained, data, train_options);
  const runtime::TensorFile file = trained.save();

  FinetuneOptions options;
  options.session = options_of(64);
  options.epochs = 0;  // nothing learned: both guess by their heads
  CHECK(finetune(make_classifier(), file, "file", data, 30, options).epochs == 0);
  options.epochs.reset();
  options.steps = 7;
  options.least_epochs = 1;
  const FinetuneResult result = finetune(make_classifier(), file, "file", data, 100, options);
  CHECK(result.epochs == 4);  // of two steps each
  CHECK(result.accuracy >= 0);
  CHECK(result.scratch > 0);
  options.scratch = false;
  const FinetuneResult again = finetune(make_classifier(), file, "file", data, 100, options);
  CHECK(again.accuracy == result.accuracy);
  CHECK(again.scratch == 0);
  CHECK(finetune(make_classifier(), file, "file", data, 20, options).epochs == 7);
}

TEST_CASE("the spread of values") {
  CHECK(spread_of({4}).mean == 4);
  CHECK(spread_of({4}).deviation == 0);
  CHECK(spread_of({1, 2, 3, 4}).mean == doctest::Approx(2.5));
  CHECK(spread_of({1, 2, 3, 4}).deviation == doctest::Approx(std::sqrt(5.0 / 3)));
}

// --- Features of a run -----------------------------------------------------------------------------------------------

TEST_CASE("what is probed of a run: its representation or a block, trained or not") {
  const test::TempFolder folder;
  const RunDirectory run = RunDirectory::create(folder / "run", config_of(1), make_classifier());
  const DatasetSplits data = few_digits();
  CHECK_ERROR(probed_session(run, options_of(), {}, true), "holds no checkpoint yet");
  Session session(run.module(), run.config().session);
  TrainOptions options;
  options.epochs = 1;
  train(session, data, options);
  run.save(session, {});

  Session trained = probed_session(run, options_of(64), {}, true);
  const DatasetSplits features = represent(trained, data);
  CHECK(features.train.samples == session.run("encode", data.train).at("latent"));
  CHECK(features.train.labels == data.train.labels);
  CHECK(features.validation.size() == 20);
  Session fresh = probed_session(run, options_of(64), {}, false);
  CHECK(represent(fresh, data.test).samples != features.test.samples);
  Session block = probed_session(run, options_of(64), {2}, true);
  CHECK(represent(block, data.test).samples == session.run("features", data.test).at("block2"));
  CHECK_ERROR(probed_session(run, options_of(), {3}, true), "has 2 blocks, so --block takes 1 to 2, got 3");

  const DatasetSplits pixels = raw_pixels({data.train, {}, data.test});
  CHECK(pixels.train.samples.shape == std::vector<std::int64_t>{400, kPixels});
  CHECK(pixels.validation.size() == 0);
  CHECK(pixels.test.samples.as<float>()[300] == doctest::Approx(data.test.samples.as<std::uint8_t>()[300] / 255.0));
}
