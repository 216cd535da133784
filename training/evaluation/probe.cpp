// Probes are models, trained by the same loop as every model.
#include "training/evaluation/probe.h"

#include <algorithm>
#include <span>

#include "frontend/entry.h"
#include "frontend/layers.h"
#include "frontend/losses.h"
#include "ir/error.h"
#include "ir/text/suggest.h"
#include "training/trainer.h"

namespace weft::training {

namespace {

constexpr std::int64_t kHidden = 200, kChannels = 128;

struct Name {
  ProbeKind kind;
  const char* text;
};
constexpr Name kNames[] = {{ProbeKind::linear, "linear"}, {ProbeKind::mlp, "mlp"}, {ProbeKind::conv, "conv"}};

Tensor hidden_layer(const std::string& name, const Tensor& x) {
  const Linear linear(name + ".fc", ir::number(x.dim(1)), kHidden, {.bias = false});
  return relu(BatchNorm(name + ".norm", kHidden)(linear(x)));
}

Tensor logits_of(const Tensor& x, std::int64_t classes) { return Linear("logits", ir::number(x.dim(1)), classes)(x); }

Tensor classify(ProbeKind kind, const Tensor& x, std::int64_t classes) {
  switch (kind) {
    case ProbeKind::linear:
      return logits_of(flatten(x), classes);
    case ProbeKind::mlp:
      return logits_of(hidden_layer("hidden2", hidden_layer("hidden1", flatten(x))), classes);
    case ProbeKind::conv: {
      const Conv2d convolution("conv", ir::number(x.dim(1)), kChannels, 3, {.padding = 1}, {.bias = false});
      return logits_of(global_average(relu(BatchNorm("norm", kChannels)(convolution(x)))), classes);
    }
  }
  throw InternalError("no such probe");
}

ir::Module make_probe(ProbeKind kind, const Dataset& features) {
  Dims dims{B};
  for (const std::int64_t size : std::span(features.samples.shape).subspan(1)) dims.emplace_back(size);
  if (kind == ProbeKind::conv && dims.size() != 4)
    fail("the conv probe takes maps [N,C,H,W], but these features are {}; choose a block, or another probe",
         to_string(features.samples));
  ir::Module module{"probe", {}};
  for (const auto& [name, mode] : {std::pair{"loss", Mode::train}, std::pair{"test", Mode::eval}}) {
    Entry entry(module, name, mode);
    const Tensor x = entry.input("x", dims);
    const Tensor labels = entry.input("labels", {B}, DType::i32);
    const Tensor logits = classify(kind, x, features.classes);
    entry.output("loss", softmax_cross_entropy(logits, labels));
    entry.output("accuracy", accuracy(logits, labels));
  }
  return module;
}

double accuracy_on(Session& session, const Dataset& data) { return metric_of(session.evaluate(data), "accuracy"); }

}  // namespace

std::vector<std::string> probe_names() {
  std::vector<std::string> names;
  for (const Name& each : kNames) names.emplace_back(each.text);
  return names;
}

ProbeKind parse_probe(const std::string& name) {
  for (const Name& each : kNames)
    if (name == each.text) return each.kind;
  fail("unknown probe '{}'{}", name, did_you_mean(name, probe_names()));
}

ProbeResult probe(const DatasetSplits& features, const ProbeOptions& options, const SessionOptions& session) {
  check(!options.weight_decays.empty(), "a probe needs a weight decay");
  if (features.train.size() == 0 || features.test.size() == 0)
    fail("{} lacks samples to train or test a probe", features.train.name);
  SessionOptions session_options = session;
  session_options.batch = std::min(options.batch, features.train.size());
  session_options.optimizer = {};
  session_options.optimizer.learning_rate = options.learning_rate;
  TrainOptions train_options;
  train_options.epochs = options.epochs;
  train_options.schedule = {Schedule::Kind::cosine, 0};

  const bool chooses = features.validation.size() > 0;
  const std::size_t candidates = chooses ? options.weight_decays.size() : 1;
  ProbeResult best;
  for (std::size_t i = 0; i < candidates; ++i) {
    session_options.optimizer.weight_decay = options.weight_decays[i];
    Session trained(make_probe(options.kind, features.train), session_options);
    train(trained, {features.train, {}, {}}, train_options);
    const double validation = chooses ? accuracy_on(trained, features.validation) : 0;
    if (i > 0 && validation <= best.validation) continue;
    best = {options.weight_decays[i], validation, accuracy_on(trained, features.test)};
  }
  return best;
}

}  // namespace weft::training
