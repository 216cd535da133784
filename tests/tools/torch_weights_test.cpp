// State dicts for PyTorch: names, modules and shapes of every model's weights, and what is turned.
#include "tools/export/torch_weights.h"

#include <doctest/doctest.h>

#include <numeric>

#include "ir/error.h"
#include "tests/support/build_model.h"

using namespace weft;
using runtime::HostTensor;
using runtime::NamedTensors;
using tools::TorchTensor;
using tools::TorchWeights;

namespace {

using Shape = std::vector<std::int64_t>;

// Every param and state of the module, its elements counted from 0; and one that is an optimizer's.
NamedTensors tensors_of(const ir::Module& module) {
  NamedTensors tensors;
  for (const ir::Graph& graph : module.graphs)
    for (const ir::Input& input : graph.inputs) {
      if (input.role != ir::Role::param && input.role != ir::Role::state) continue;
      HostTensor tensor = HostTensor::zeros(ir::DType::f32, ir::numbers(graph.type(input.value).dims));
      const auto numbers = tensor.as<float>();
      std::iota(numbers.begin(), numbers.end(), 0.0f);
      tensors[graph.values[input.value].name] = std::move(tensor);
    }
  tensors["adam.m.encoder.fc1.weight"] = HostTensor::zeros(ir::DType::f32, {2});
  return tensors;
}

TorchWeights weights_of(const std::string& model, const test::Options& options) {
  const ir::Module module = test::build_model(model, options);
  return tools::torch_weights(module, tensors_of(module));
}

const TorchTensor& find(const TorchWeights& weights, const std::string& name) {
  for (const TorchTensor& each : weights.list)
    if (each.name == name) return each;
  fail("no weight {}", name);
}

}  // namespace

TEST_CASE("every weight of every model belongs to a module, and none of the optimizer's is among them") {
  for (const Model& model : models::all()) {
    CAPTURE(model.name);
    const ir::Module module = test::build_model(model.name, {});
    const NamedTensors tensors = tensors_of(module);
    const TorchWeights weights = tools::torch_weights(module, tensors);
    CHECK(weights.list.size() == tensors.size() - 1);
    CHECK(weights.tensors.size() == weights.list.size());
    for (const TorchTensor& each : weights.list) {
      CAPTURE(each.name);
      CHECK_FALSE(each.module.empty());
      CHECK(weights.tensors.count(each.name) == 1);
      const bool turns = each.module == "Linear" && each.name.ends_with(".weight");
      CHECK(each.transposed == turns);
    }
  }
}

TEST_CASE("the weight of a linear layer is turned to [out,in]") {
  const TorchWeights weights = weights_of("vae", {{"height", "1"}, {"width", "3"}, {"hidden", "2"}});
  const HostTensor& weight = weights.tensors.at("encoder.fc1.weight");
  CHECK(weight.shape == Shape{2, 3});
  const auto numbers = weight.as<float>();
  CHECK(std::vector<float>(numbers.begin(), numbers.end()) == std::vector<float>{0, 2, 4, 1, 3, 5});
  CHECK(weights.tensors.at("encoder.fc1.bias").shape == Shape{2});
}

TEST_CASE("kernels of convolutions and batch norm stay as they are") {
  const TorchWeights conv = weights_of("conv_autoencoder", {});
  CHECK(find(conv, "encoder.conv2.weight").module == "Conv2d");
  CHECK(conv.tensors.at("encoder.conv2.weight").shape == Shape{64, 32, 3, 3});
  CHECK(find(conv, "decoder.deconv1.bias").module == "ConvTranspose2d");
  CHECK(conv.tensors.at("decoder.deconv1.weight").shape == Shape{64, 32, 3, 3});
  const TorchWeights norm = weights_of("classifier", {{"encoder", "resnet18"}});
  for (const char* name : {"weight", "bias", "running_mean", "running_var"})
    CHECK(find(norm, std::string("encoder.block1.a.1.norm.") + name).module == "BatchNorm");
}

TEST_CASE("tied weights are those of the encoder's layers") {
  const TorchWeights weights = weights_of("stacked_autoencoder", {{"hidden", "5"}, {"latent", "2"}, {"tied", "true"}});
  CHECK(weights.tensors.at("encoder.fc1.weight").shape == Shape{5, 784});
  CHECK(weights.tensors.at("encoder.code.weight").shape == Shape{2, 5});
  CHECK(weights.tensors.count("decoder.picture.weight") == 0);
  CHECK(weights.tensors.at("decoder.picture.bias").shape == Shape{784});
}

TEST_CASE("a weight that is missing") {
  const ir::Module module = test::build_model("vae", {});
  CHECK_THROWS_WITH_AS(tools::torch_weights(module, {}), "weight decoder.fc1.bias of model vae is missing", Error);
}
