// RotNet (Gidaris et al., "Unsupervised Representation Learning by Predicting Image Rotations", 2018).
//
// The network sees an image turned by 0, 90, 180 or 270 degrees and predicts the angle. This needs no labels, but to
// know which way up a dog stands, a network must recognise heads, legs and ground. The encoder thus learns what objects
// look like, and `weft probe` and `weft finetune` reuse it. The metric `accuracy` is the share of correctly predicted
// turns.
//
// By default each image of a batch is turned once, with the four turns in equal parts. --turns all uses all four turns
// of each image, as the paper does, at four times the work per step. The test always uses all four. `reconstruct` turns
// images back by the predicted turn, so correct predictions restore the image.
#include <string>
#include <vector>

#include "frontend/weft.h"
#include "models/parts/encoder.h"
#include "models/parts/entries.h"
#include "models/parts/features.h"
#include "models/registry.h"

namespace weft::models {

namespace {

constexpr int kTurns = 4;

struct RotNet {
  Encoder encoder;
  Linear turn;
  bool all_turns;

  explicit RotNet(const Settings& settings)
      : encoder(settings),
        turn("head", encoder.out(), kTurns),
        all_turns(settings.choice("turns", {"one", "all"}) == "all") {}

  Tensor classify(const Tensor& x) const { return turn(encoder(x).representation); }
};

// Turns image i of the batch i % 4 times; in a shuffled batch the turn of an image is random.
Rotations turn_once(const Tensor& x) {
  const Tensor index = iota({x.dim(0)}, 0, DType::f32);
  const Tensor turns = cast(index - kTurns * floor(index * (1.0 / kTurns)), DType::i32);
  return {rotate90(x, turns), turns};
}

void add_reconstruct(ir::Module& module, const RotNet& model) {
  Entry entry(module, "reconstruct", Mode::eval);
  const Tensor turned = turn_once(entry.input("x", model.encoder.image().dims())).images;
  const Tensor told = cast(argmax(model.classify(turned), 1), DType::f32);
  const Tensor back = select(told > 0, kTurns - told, told);
  entry.output("xhat", rotate90(turned, cast(back, DType::i32)));
  entry.output("turned", turned);
}

void add_loss(ir::Module& module, const std::string& name, Mode mode, const RotNet& model) {
  Entry entry(module, name, mode);
  const Tensor x = entry.input("x", model.encoder.image().dims());
  const bool all = model.all_turns || mode == Mode::eval;
  const Rotations turned = all ? rotation_batch(x) : turn_once(x);
  const Tensor scores = model.classify(turned.images);

  const Scope scope("loss");
  entry.output("loss", softmax_cross_entropy(scores, turned.labels));
  entry.output("accuracy", accuracy(scores, turned.labels));
}

ir::Module build_rotnet(const Settings& settings) {
  const RotNet model(settings);
  ir::Module module{"rotnet", {}};
  add_loss(module, "loss", Mode::train, model);
  add_loss(module, "test", Mode::eval, model);
  add_features(module, model.encoder);
  add_reconstruct(module, model);
  add_entry(module, "classify", model.encoder.image().dims(), "logits",
            [&](const Tensor& x) { return model.classify(x); });
  return module;
}

}  // namespace

Model rotnet() {
  std::vector<Option> options = Encoder::options("cnn");
  options.push_back({"turns", "one", "rotations of each image per step: one, or all four"});
  return {"rotnet", "learns without labels, by predicting the rotation of an image", options, build_rotnet};
}

}  // namespace weft::models
