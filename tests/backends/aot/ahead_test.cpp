// Models compiled ahead of time, loaded as shared libraries, against the same models compiled in this process: the same
// bits, for every entry of every model of the zoo, in training too.
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <thread>

#include "backends/aot/build.h"
#include "tests/support/build_model.h"
#include "tests/support/small_models.h"
#include "tests/support/temp_folder.h"
#include "training/compile_model.h"
#include "training/session.h"
#include "training/step.h"

using namespace weft;
using namespace weft::training;
using runtime::HostTensor;
using runtime::NamedTensors;

namespace {

constexpr std::int64_t kBatch = 8;

// Sizes at which compiling takes a moment, with every kind of layer that the model has.
test::Options small(const std::string& model) {
  if (model == "denoising_autoencoder") return {{"hidden", "24"}, {"latent", "12"}};
  if (model.starts_with("conv")) return {{"widths", "4,8"}, {"latent", "6"}};
  if (model == "rotnet" || model == "classifier") return {};
  if (model == "simclr") return {{"widths", "16,16,16,16"}, {"head", "16,8"}};
  return {{"hidden", "24,12"}, {"latent", "6"}};
}

// An artefact in this process, by the functions that its header declares.
class Loaded {
 public:
  Loaded(const ir::Module& module, const aot::Options& options, const std::filesystem::path& folder)
      : name_(options.name), artefact_(compile_model(module, {}, options).artefact) {
    aot::BuildOptions build;
    if (options.standalone) build.runner = aot::Runner::standalone;
    if (options.on_gpu) build.runner = aot::Runner::cuda_emulated;
    aot::build(artefact_, folder / name_, build);
    library_ = dlopen((folder / (name_ + ".so")).c_str(), RTLD_NOW | RTLD_LOCAL);
    REQUIRE_MESSAGE(library_ != nullptr, dlerror());
  }
  ~Loaded() { dlclose(library_); }
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;

  template <typename... Arguments>
  auto call(const char* function, Arguments... arguments) const {
    const std::string symbol = name_ + "_" + function;
    void* const address = dlsym(library_, symbol.c_str());
    REQUIRE_MESSAGE(address, symbol);
    return reinterpret_cast<int (*)(Arguments...)>(address)(arguments...);
  }

  void* create() const {
    void* model = nullptr;
    REQUIRE(call("create_checked", &model, static_cast<const char*>(nullptr), aot::interface_hash(artefact_)) == 0);
    return model;
  }
  std::string error(void* model) const {
    const std::string symbol = name_ + "_error";
    return reinterpret_cast<const char* (*)(void*)>(dlsym(library_, symbol.c_str()))(model);
  }

  // Inputs by name, at the batch of their rows; outputs by name.
  NamedTensors run(void* model, const std::string& entry, std::int64_t batch, const NamedTensors& given) const {
    const auto found = std::ranges::find(entries(), entry, &aot::Entry::name);
    REQUIRE(found != entries().end());
    const ir::Graph& graph = *found->graph;
    ir::Bindings bindings;
    for (const std::string& symbol : graph.symbols()) bindings[symbol] = batch;
    std::vector<const void*> inputs;
    std::vector<std::size_t> input_bytes, output_bytes;
    std::vector<void*> outputs;
    for (const std::uint32_t i : aot::data_inputs(graph)) {
      inputs.push_back(given.at(graph.input_name(i)).bytes.data());
      input_bytes.push_back(given.at(graph.input_name(i)).bytes.size());
    }
    NamedTensors results;
    for (const std::uint32_t i : aot::data_outputs(graph)) {
      const ir::Type& type = graph.type(graph.outputs[i].value);
      HostTensor& result = results[graph.outputs[i].name] =
          HostTensor::zeros(type.dtype, ir::numbers(ir::bind(type.dims, bindings)));
      outputs.push_back(result.bytes.data());
      output_bytes.push_back(result.bytes.size());
    }
    const int code = call("run", model, entry.c_str(), batch, inputs.data(), input_bytes.data(), outputs.data(),
                          output_bytes.data());
    REQUIRE_MESSAGE(code == 0, error(model));
    return results;
  }

  const std::vector<aot::Entry>& entries() const { return artefact_.entries; }

 private:
  std::string name_;
  aot::Artefact artefact_;
  void* library_ = nullptr;
};

NamedTensors rows_of(const Dataset& data, std::int64_t begin, std::int64_t count) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), begin);
  const Dataset rows = take(data, indices);
  return {{"images", rows.samples}, {"labels", rows.labels}};
}

// Numbers of the type and shape of an entry's data input, the same each time.
NamedTensors inputs_for(const ir::Graph& graph, std::int64_t batch) {
  ir::Bindings bindings;
  for (const std::string& symbol : graph.symbols()) bindings[symbol] = batch;
  NamedTensors inputs;
  for (const std::uint32_t i : aot::data_inputs(graph)) {
    const ir::Type& type = graph.type(graph.inputs[i].value);
    HostTensor tensor = HostTensor::zeros(type.dtype, ir::numbers(ir::bind(type.dims, bindings)));
    REQUIRE(type.dtype == ir::DType::f32);
    std::uint32_t bits = 12345;
    for (float& value : tensor.as<float>()) {
      bits = bits * 1664525 + 1013904223;
      value = static_cast<float>(bits >> 8) * 0x1p-24F;
    }
    inputs[graph.input_name(i)] = std::move(tensor);
  }
  return inputs;
}

std::vector<std::string> all_entries(const ir::Module& module) {
  std::vector<std::string> names = {kTrainStepEntry};
  for (const ir::Graph& graph : module.graphs)
    if (graph.name != kLossEntry && graph.name != kTestEntry && !graph.name.starts_with("pretrain"))
      names.push_back(graph.name);
  return names;
}

int compared = 0;

void check_equal(const HostTensor& made, const HostTensor& wanted) {
  CHECK(made.shape == wanted.shape);
  CHECK(made.bytes == wanted.bytes);
  compared += static_cast<int>(wanted.elements());
}

std::vector<std::string> all_models() {
  std::vector<std::string> names;
  for (const Model& model : models::all()) names.push_back(model.name);
  return names;
}

enum class How : std::uint8_t { onednn, standalone, emulated_gpu };

// Every model trained and run as an artefact, and by a session. `batches`: of the entries; the last one trains twice.
void check_models(How how, const std::vector<std::string>& names, const std::vector<std::int64_t>& batches) {
  const test::TempFolder folder;
  const DatasetSplits data = test::few_digits(40);
  const bool standalone = how == How::standalone;
  for (const std::string& name : names) {
    const Model& model = models::find(name);
    CAPTURE(model.name);
    const bool contrastive = !standalone;  // the streaming loss is oneDNN's
    const ir::Module module = test::build_model(model.name, small(model.name));
    aot::Options options;
    options.name = model.name;
    options.entries = all_entries(module);
    options.batches = batches;
    options.standalone = standalone;
    options.on_gpu = how == How::emulated_gpu;
    options.contrastive = contrastive;
    const Loaded library(module, options, folder.path());
    void* const mine = library.create();

    SessionOptions session_options;
    session_options.backend = options.on_gpu ? "cuda-emulated" : "cpu";
    session_options.batch = batches.back();
    session_options.threads = 2;
    if (standalone) session_options.contractions = Contractions::generated;
    session_options.contrastive = contrastive;
    Session session(module, session_options);
    for (const std::int64_t batch : {batches.back(), batches.back(), batches.front()}) {
      std::vector<std::int64_t> indices(static_cast<std::size_t>(batch));
      std::iota(indices.begin(), indices.end(), std::int64_t{3} * static_cast<std::int64_t>(session.steps()));
      session.step(data.train, indices);
      const std::span<const float> metrics = session.read_metrics();
      const NamedTensors outputs =
          library.run(mine, kTrainStepEntry, batch, rows_of(data.train, indices.front(), batch));
      for (std::size_t i = 0; i < metrics.size(); ++i) {
        CAPTURE(session.metric_names()[i]);
        CHECK(outputs.at(session.metric_names()[i]).as<float>()[0] == metrics[i]);
      }
    }
    const std::filesystem::path file = folder.path() / "checkpoint.safetensors";
    REQUIRE_MESSAGE(library.call("save", mine, file.c_str()) == 0, library.error(mine));
    const runtime::TensorFile saved = runtime::read_safetensors(file), wanted = session.save();
    CHECK(saved.tensors.size() == wanted.tensors.size());
    for (const auto& [weight, tensor] : wanted.tensors) {
      CAPTURE(weight);
      check_equal(saved.tensors.at(weight), tensor);
    }
    for (const char* key : {"model", "seed", "step", "weft"}) CHECK(saved.metadata.at(key) == wanted.metadata.at(key));

    for (const aot::Entry& entry : library.entries()) {
      if (entry.trains) continue;
      for (const std::int64_t batch : options.batches) {
        CAPTURE(entry.name);
        CAPTURE(batch);
        const NamedTensors inputs = inputs_for(*entry.graph, batch);
        const NamedTensors made = library.run(mine, entry.name, batch, inputs);
        for (const auto& [output, tensor] : session.run(entry.name, inputs)) {
          CAPTURE(output);
          check_equal(made.at(output), tensor);
        }
      }
    }
    library.call("destroy", mine);
  }
}

}  // namespace

TEST_CASE("an artefact trains and runs as the session does, bit for bit") {
  compared = 0;
  SUBCASE("with oneDNN") { check_models(How::onednn, all_models(), {5, kBatch}); }
  SUBCASE("standalone") { check_models(How::standalone, all_models(), {5, kBatch}); }
  SUBCASE("on a GPU that the host plays") { check_models(How::emulated_gpu, {"vae", "conv_autoencoder"}, {kBatch}); }
  MESSAGE(compared << " numbers equal");
  CHECK(compared > 10'000);
}

TEST_CASE("models of one artefact may run on threads of their own") {
  const test::TempFolder folder;
  const ir::Module module = test::make_vae();
  aot::Options options;
  options.name = "threads";
  options.batches = {kBatch};
  const Loaded library(module, options, folder.path());
  const NamedTensors inputs = inputs_for(*module.find("encode"), kBatch);
  void* const first = library.create();
  const HostTensor wanted = library.run(first, "encode", kBatch, inputs).at("latent");
  std::vector<int> equal(4, 0);
  std::vector<std::thread> threads;
  for (int& each : equal)
    threads.emplace_back([&] {
      void* const mine = library.create();
      for (int i = 0; i < 20; ++i)
        each += static_cast<int>(library.run(mine, "encode", kBatch, inputs).at("latent").bytes == wanted.bytes);
      library.call("destroy", mine);
    });
  for (std::thread& each : threads) each.join();
  for (const int each : equal) CHECK(each == 20);
  library.call("destroy", first);
}

TEST_CASE("what cannot be compiled is refused with a reason") {
  const ir::Module module = test::make_vae();
  aot::Options options;
  options.name = "refused";
  options.entries = {"encod"};
  CHECK_ERROR(compile_model(module, {}, options), "model small_vae has no entry encod; did you mean 'encode'?");
  options.entries = {"encode"};
  options.batches = {};
  CHECK_ERROR(compile_model(module, {}, options), "name at least one batch");
}
