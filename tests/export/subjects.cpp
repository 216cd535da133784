// The list of models, and the file of ops.
#include "tests/export/subjects.h"

#include "ir/text/parse.h"
#include "runtime/atomic_file.h"
#include "tests/support/build_model.h"

namespace weft::test {

namespace {

struct Variant {
  std::string name, model;
  Options options;
};

const std::vector<Variant>& variants() {
  static const Options layers = {{"hidden", "24,12"}, {"latent", "6"}};
  static const Options convolutions = {{"widths", "4,8"}, {"latent", "6"}};
  static const Options odd = merged(convolutions, {{"channels", "3"}, {"height", "13"}, {"width", "18"}});
  static const std::vector<Variant> list = {
      {"vae", "vae", layers},
      {"vae_gaussian", "vae",
       merged(layers,
              {{"likelihood", "gaussian"}, {"output", "linear"}, {"activation", "gelu"}, {"free-bits", "0.1"}})},
      {"vae_binarized", "vae", merged(layers, {{"binarize", "dynamic"}, {"iwae", "3"}, {"activation", "elu"}})},
      {"conv_vae", "conv_vae", convolutions},
      {"autoencoder", "autoencoder", layers},
      {"stacked", "stacked_autoencoder", layers},
      {"stacked_tied", "stacked_autoencoder",
       merged(layers, {{"tied", "true"}, {"loss", "bce"}, {"activation", "tanh"}})},
      {"denoising", "denoising_autoencoder", layers},
      {"denoising_masking", "denoising_autoencoder", merged(layers, {{"noise", "masking"}, {"noise-level", "0.25"}})},
      {"denoising_conv", "denoising_autoencoder",
       merged(convolutions, {{"encoder", "conv"}, {"noise", "salt-and-pepper"}, {"noise-level", "0.25"}})},
      {"conv_autoencoder", "conv_autoencoder", convolutions},
      {"conv_autoencoder_odd", "conv_autoencoder", merged(odd, {{"noise", "gaussian"}})},
      {"rotnet", "rotnet", {{"widths", "4,4,8,8"}}},
      {"rotnet_nin", "rotnet", {{"encoder", "nin"}, {"height", "12"}, {"width", "12"}}},
      {"simclr", "simclr", {{"widths", "4,4,8,8"}, {"head", "16,8"}}},
      {"simclr_colour",
       "simclr",
       {{"widths", "4,8"}, {"head", "16,8"}, {"channels", "3"}, {"augment", "colour"}, {"blur", "0.5"}}},
      {"classifier", "classifier", {{"widths", "4,8"}, {"head", "16"}, {"dropout", "0.1"}}},
      {"classifier_mlp", "classifier", {{"encoder", "mlp"}, {"hidden", "24"}}},
      {"classifier_conv", "classifier", merged(convolutions, {{"encoder", "conv"}, {"frozen", "true"}})},
      {"classifier_resnet", "classifier", {{"encoder", "resnet18"}, {"height", "8"}, {"width", "8"}}},
  };
  return list;
}

}  // namespace

std::vector<Subject> export_subjects() {
  std::vector<Subject> subjects;
  for (const Variant& each : variants()) subjects.push_back({each.name, build_model(each.model, each.options)});
  const std::string file = WEFT_SOURCE_DIR "/tests/export/ops.weft";
  subjects.push_back({"ops", ir::parse(runtime::read_file(file), file)});
  return subjects;
}

std::vector<ir::GraphPtr> exported_entries(const ir::Module& module) {
  std::vector<ir::GraphPtr> entries;
  for (const ir::Graph& graph : module.graphs)
    if (graph.name != "loss" && !graph.name.starts_with("pretrain"))
      entries.push_back(std::make_shared<const ir::Graph>(graph));
  return entries;
}

}  // namespace weft::test
