// What the tests of the backend cuda as a whole run: small models, and graphs on any backend.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "backends/compile.h"
#include "backends/reference/reference.h"
#include "tests/support/build_model.h"
#include "tests/support/small_models.h"
#include "training/session.h"

namespace weft::test {

using reference::Tensor;
using runtime::HostTensor;
using training::DatasetSplits;
using training::Session;
using training::SessionOptions;

inline constexpr std::int64_t kBatch = 8;

// On a GPU where WEFT_TEST_GPU is set (scripts/gpu-check), else on the host.
inline const std::string kGpu = std::getenv("WEFT_TEST_GPU") ? "cuda" : "cuda-emulated";

// Sizes at which a step takes the host a moment, with every kind of layer that the model has.
inline Options small(const std::string& model) {
  if (model == "denoising_autoencoder") return {{"hidden", "24"}, {"latent", "12"}};
  if (model.starts_with("conv")) return {{"widths", "4,8"}, {"latent", "6"}};
  if (model == "rotnet" || model == "classifier") return {};
  if (model == "simclr") return {{"widths", "4,4,8,8"}, {"head", "16,8"}};
  return {{"hidden", "24,12"}, {"latent", "6"}};
}

inline ir::Module module_of(const Model& model) { return build_model(model.name, small(model.name)); }

inline Session session_of(const Model& model, const std::string& backend) {
  SessionOptions options;
  options.backend = backend;
  options.batch = kBatch;
  return Session(module_of(model), options);
}

inline DatasetSplits few_digits() { return few_digits(44, 0, 8); }

inline std::vector<std::int64_t> batch_of(std::int64_t step) {
  std::vector<std::int64_t> batch(kBatch);
  std::iota(batch.begin(), batch.end(), step * kBatch);
  return batch;
}

// Largest |a - b| / (1 + |b|); infinity where one of them is not a number.
inline double distance(const HostTensor& a, const HostTensor& b) {
  REQUIRE(a.shape == b.shape);
  if (b.dtype != ir::DType::f32) return a == b ? 0 : INFINITY;
  double largest = 0;
  const auto x = a.as<float>(), y = b.as<float>();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double difference = std::abs(double(x[i]) - double(y[i])) / (1 + std::abs(double(y[i])));
    largest = std::isfinite(difference) ? std::max(largest, difference) : INFINITY;
  }
  return largest;
}

inline std::vector<Tensor> run(CompileOptions options, const std::string& backend, const ir::GraphPtr& graph,
                               const std::vector<Tensor>& inputs) {
  options.backend = backend;
  const auto program = compile(graph, options);
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    bytes.resize(inputs[i].type.bytes());
    reference::to_bytes(inputs[i], bytes.data());
    program->write_input(int(i), bytes.data());
  }
  program->run();
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < program->outputs().size(); ++i) {
    bytes.resize(program->outputs()[i].type.bytes());
    program->read_output(int(i), bytes.data());
    outputs.push_back(reference::from_bytes(program->outputs()[i].type, bytes.data()));
  }
  return outputs;
}

inline std::vector<Tensor> run_on(const std::string& backend, const ir::GraphPtr& graph,
                                  const std::vector<Tensor>& inputs, Precision precision = Precision::f32) {
  CompileOptions options;
  options.precision = precision;
  return run(options, backend, graph, inputs);
}

}  // namespace weft::test
