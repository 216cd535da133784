// SimCLR (Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", 2020).
//
// Each image of a batch gives two random views: different crops, different colours. For each view the network must find
// the other view of the same image among all views of the batch. Only what both views share makes that possible: what
// the image shows. A projection head maps the representation to the vectors that the loss compares. The head absorbs
// what the comparison discards and is dropped after training: representations are the encoder's output.
//
// The loss, NT-Xent, is the cross-entropy of choosing the right partner by the cosine of the projections, divided by
// the temperature. With N images per batch, a view has one partner and 2N - 2 negatives, so large batches make the task
// hard enough to teach something. `contrastive` computes the loss without a 2N x 2N matrix.
#include <string>
#include <vector>

#include "frontend/weft.h"
#include "models/parts/encoder.h"
#include "models/parts/entries.h"
#include "models/parts/features.h"
#include "models/parts/views.h"
#include "models/registry.h"

namespace weft::models {

namespace {

struct SimClr {
  Encoder encoder;
  Views views;
  Mlp hidden;
  Linear projection;
  double temperature;

  SimClr(const Settings& settings, std::vector<std::int64_t> head)
      : encoder(settings),
        views(settings, Views::Strength::strong),
        hidden("head", encoder.out(), {head.begin(), head.end() - 1}, relu),
        projection("head.projection", hidden.out(), head.back()),
        temperature(settings.number("temperature")) {
    if (views.is_none()) throw OptionError("--augment none makes the two views of an image equal: nothing to learn");
    if (!(temperature > 0)) throw OptionError(fmt::format("--temperature takes a number above 0, got {}", temperature));
  }

  // Rows i and i + B of the result are two views of image i: [2B,out].
  Tensor project(const Tensor& x) const { return projection(hidden(encoder(x).representation)); }
};

void add_loss(ir::Module& module, const std::string& name, Mode mode, const SimClr& model) {
  Entry entry(module, name, mode);
  const Tensor x = entry.input("x", model.encoder.image().dims());
  const Tensor both = model.views(concat({x, x}, 0)).named("views");
  const Tensor z = model.project(both);
  entry.output("loss", nt_xent(z, model.temperature));
}

ir::Module build_simclr(const Settings& settings) {
  std::vector<std::int64_t> head = settings.integers("head", 1);
  if (head.empty()) throw OptionError("--head takes at least the size of the projection, such as 512,128");
  const SimClr model(settings, std::move(head));
  const Dims dims = model.encoder.image().dims();
  ir::Module module{"simclr", {}};
  add_loss(module, "loss", Mode::train, model);
  add_loss(module, "test", Mode::eval, model);
  add_features(module, model.encoder);
  add_entry(module, "project", dims, "z", [&](const Tensor& x) { return l2_normalize(model.project(x)); });
  add_entry(module, "augment", dims, "view", [&](const Tensor& x) { return model.views(x); });
  return module;
}

}  // namespace

Model simclr() {
  std::vector<Option> options = Encoder::options("cnn");
  for (Option& option : Views::options("auto")) options.push_back(std::move(option));
  options.insert(options.end(),
                 {{"head", "512,128", "sizes of the projection head's layers"},
                  {"temperature", "0.5", "temperature of NT-Xent: low values weight the nearest negatives most"}});
  return {"simclr", "learns without labels, by matching two views of the same image", options, build_simclr};
}

}  // namespace weft::models
