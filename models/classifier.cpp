// The classifier: an encoder and a layer that separates the classes.
//
// It trains on labels from scratch, or on an encoder that another model has trained without labels: encoder parameters
// have the same names in every model (models/parts/encoder.h), and `weft finetune` loads them. With --frozen true, the
// encoder and the running statistics of its batch norms stay fixed and only the head trains. This measures how much the
// encoder already knows about the classes.
//
// With few labels a network soon overfits. Three options help: random views of the images (--augment), dropout before
// the head, and --label-smoothing, which sets the target to 1 - s for the true class plus s spread over all classes
// (Szegedy et al. 2016), so that logits need not grow without bound.
#include <string>
#include <vector>

#include "frontend/weft.h"
#include "ir/error.h"
#include "models/parts/encoder.h"
#include "models/parts/entries.h"
#include "models/parts/features.h"
#include "models/parts/views.h"
#include "models/registry.h"

namespace weft::models {

namespace {

double rate_of(const Settings& settings, const char* name) {
  const double rate = settings.number(name);
  if (rate < 0 || rate >= 1)
    throw OptionError(fmt::format("--{} takes a number of at least 0 and below 1, got {}", name, rate));
  return rate;
}

struct Classifier {
  Encoder encoder;
  Views views;
  Mlp head;
  Linear logits;
  Dropout dropout;
  double label_smoothing;
  bool frozen;

  explicit Classifier(const Settings& settings)
      : encoder(settings),
        views(settings, Views::Strength::light),
        head("head", encoder.out(), settings.integers("head", 1), relu),
        logits("head.logits", head.out(), settings.classes()),
        dropout(rate_of(settings, "dropout")),
        label_smoothing(rate_of(settings, "label-smoothing")),
        frozen(settings.flag("frozen")) {}

  Tensor represent(const Tensor& x) const {
    if (!frozen) return encoder(x).representation;
    const ModeScope eval(Mode::eval);
    return stop_gradient(encoder(x).representation);
  }

  Tensor classify(const Tensor& x) const { return logits(dropout(head(dropout(represent(x))))); }

  Tensor loss(const Tensor& scores, const Tensor& labels) const {
    const Tensor right = softmax_cross_entropy(scores, labels);
    if (label_smoothing == 0) return right;
    const Tensor any = mean_per_example(-mean(log_softmax(scores), 1));
    return (1 - label_smoothing) * right + label_smoothing * any;
  }
};

void add_loss(ir::Module& module, const std::string& name, Mode mode, const Classifier& model) {
  Entry entry(module, name, mode);
  const Tensor x = entry.input("x", model.encoder.image().dims());
  const Tensor labels = entry.input("labels", {B}, DType::i32);
  const Tensor scores = model.classify(mode == Mode::train ? model.views(x) : x);

  const Scope scope("loss");
  entry.output("loss", mode == Mode::train ? model.loss(scores, labels) : softmax_cross_entropy(scores, labels));
  entry.output("accuracy", accuracy(scores, labels));
}

ir::Module build_classifier(const Settings& settings) {
  const Classifier model(settings);
  ir::Module module{"classifier", {}};
  add_loss(module, "loss", Mode::train, model);
  add_loss(module, "test", Mode::eval, model);
  add_features(module, model.encoder);
  add_entry(module, "classify", model.encoder.image().dims(), "logits",
            [&](const Tensor& x) { return model.classify(x); });
  return module;
}

}  // namespace

Model classifier() {
  std::vector<Option> options = Encoder::options("cnn");
  for (Option& option : Views::options("none")) options.push_back(std::move(option));
  options.insert(options.end(), {{"head", "", "sizes of hidden layers between the encoder and the classes"},
                                 {"frozen", "false", "true: trains only the head; the encoder stays fixed"},
                                 {"dropout", "0", "share of the representation dropped in training"},
                                 {"label-smoothing", "0", "share of the target spread over all classes"}});
  return {"classifier", "image classifier on any encoder, also for fine-tuning", options, build_classifier};
}

}  // namespace weft::models
