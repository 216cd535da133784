// How many kernels the training step of each model takes, and the bytes that they read and write: none may grow.
#include <doctest/doctest.h>

#include "ir/error.h"
#include "models/registry.h"
#include "passes/pipeline.h"
#include "tests/passes/fuse/nets.h"
#include "training/feed.h"
#include "training/step.h"

using namespace weft;

namespace {

constexpr std::int64_t kBatch = 128;  // of `weft train`
constexpr std::int64_t kSamples = 20000;

struct Fusion {
  std::string name;
  int kernels = 0, contractions = 0;
  std::int64_t bytes = 0;
};

// Equal or less.
const std::vector<Fusion> kMost = {
    {"vae", 7, 11, 21303076},
    {"conv_vae", 15, 17, 52567404},
    {"autoencoder", 11, 23, 86562108},
    {"stacked_autoencoder", 11, 23, 86562108},
    {"denoising_autoencoder", 7, 11, 77255864},
    {"conv_autoencoder", 15, 17, 58489692},
    {"rotnet", 31, 14, 167029824},
    {"simclr", 35, 19, 334206572},
    {"classifier", 31, 14, 167274120},
    {"layer_norm_autoencoder", 8, 11, 15733260},
    {"vicreg", 18, 16, 11114044},
    {"attention", 15, 30, 7983116},
};

ir::Module module_of(const std::string& name) {
  if (name == "layer_norm_autoencoder") return test::make_layer_norm_autoencoder();
  if (name == "vicreg") return test::make_vicreg();
  if (name == "attention") return test::make_attention();
  const Model& model = models::find(name);
  return build_module(model, Settings(model));
}

ir::GraphPtr fused_step(const std::string& name, passes::Context& context) {
  const ir::GraphPtr step = training::training_step(module_of(name), {}, context);
  const ir::Graph bound = ir::bind(*step, {{"B", kBatch}, {std::string(training::kSizeSymbol), kSamples}});
  return passes::run_passes(std::make_shared<const ir::Graph>(bound), passes::compile_pipeline(), context);
}

// That a kernel reads of an operand: of a table that it only gathers from, the rows gathered.
std::int64_t bytes_read(const ir::Graph& body, ir::ValueId input) {
  std::int64_t gathered = 0;
  for (const ir::Op& op : body.ops)
    for (std::size_t i = 0; i < op.operands.size(); ++i) {
      if (op.operands[i] != input) continue;
      if (op.code != ir::OpCode::gather || i != 0) return std::int64_t(body.type(input).bytes());
      gathered += std::int64_t(body.type(op.results[0]).bytes());
    }
  return gathered;
}

Fusion count(const std::string& name) {
  passes::Context context;
  const ir::GraphPtr step = fused_step(name, context);
  Fusion result{name};
  for (const ir::Op& op : step->ops) {
    result.contractions += ir::info(op.code).kind == ir::OpKind::contraction;
    if (op.code != ir::OpCode::fused) continue;
    ++result.kernels;
    for (const ir::Input& input : op.body->inputs) result.bytes += bytes_read(*op.body, input.value);
    for (const ir::ValueId value : op.results) result.bytes += std::int64_t(step->type(value).bytes());
  }
  return result;
}

}  // namespace

TEST_CASE("kernels and their bytes do not grow") {
  CHECK(kMost.size() == models::all().size() + 3);
  for (const Fusion& most : kMost) {
    CAPTURE(most.name);
    const Fusion is = count(most.name);
    CHECK(is.kernels <= most.kernels);
    CHECK(is.contractions <= most.contractions);
    CHECK(is.bytes <= most.bytes);
    MESSAGE(fmt::format("{{\"{}\", {}, {}, {}}},", is.name, is.kernels, is.contractions, is.bytes));
  }
}

TEST_CASE("a line of the model whose kernels stay apart is told once, and only where the user can change it") {
  for (const Fusion& model : kMost) {
    CAPTURE(model.name);
    passes::Context context;
    fused_step(model.name, context);
    std::erase_if(context.notes, [](const passes::Note& note) { return note.pass != "fuse"; });
    const bool normalises_batch = model.name == "rotnet" || model.name == "simclr" || model.name == "classifier";
    CHECK(context.notes.size() == (normalises_batch || model.name == "vicreg" ? 1 : 0));
    for (const passes::Note& note : context.notes) {
      CHECK(note.location.file == (normalises_batch ? "trunk.cpp" : "nets.cpp"));
      CHECK(note.text.find("To avoid it, reduce each row alone") != std::string::npos);
    }
  }
}
