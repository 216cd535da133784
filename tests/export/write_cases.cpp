// Writes into a folder, for check_onnx.py: each inference entry of each model as NAME.ENTRY.onnx (for any batch) and
// NAME.ENTRY.fixed.onnx (for one), and beside them what Weft gives, as NAME.ENTRY.batchN.safetensors: inputs under
// `in.`, outputs under `out.`. Random numbers are inputs on both sides.
#include <cstdio>
#include <filesystem>
#include <random>

#include "backends/compile.h"
#include "backends/onnx/export.h"
#include "ir/error.h"
#include "passes/pipeline.h"
#include "passes/rewriter.h"
#include "runtime/atomic_file.h"
#include "tests/export/subjects.h"
#include "training/session.h"

using namespace weft;
using runtime::HostTensor;
using runtime::NamedTensors;

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kFixed = 2;
constexpr std::int64_t kClasses = 7;  // no i32 input is as large

class Numbers {
 public:
  HostTensor uniform(const ir::Type& type, float low, float high) {
    HostTensor tensor = HostTensor::zeros(type.dtype, ir::numbers(type.dims));
    if (type.dtype == ir::DType::i32)
      for (std::int32_t& value : tensor.as<std::int32_t>()) value = std::int32_t(engine_() % kClasses);
    else
      for (float& value : tensor.as<float>()) value = std::uniform_real_distribution<float>(low, high)(engine_);
    return tensor;
  }
  HostTensor normal(const ir::Type& type) {
    HostTensor tensor = HostTensor::zeros(type.dtype, ir::numbers(type.dims));
    for (float& value : tensor.as<float>()) value = std::normal_distribution<float>()(engine_);
    return tensor;
  }

 private:
  std::mt19937 engine_{1};
};

// As the model starts, but with running statistics that are not those of nothing.
NamedTensors weights_of(const ir::Module& module, Numbers& numbers) {
  NamedTensors weights = training::Session(module, {}).save().tensors;
  for (const ir::Graph& graph : module.graphs)
    for (const ir::Input& input : graph.inputs)
      if (input.role == ir::Role::state)
        weights[graph.values[input.value].name] = numbers.uniform(graph.type(input.value), 0.5, 1.5);
  return weights;
}

// Each random op an input, named as the ONNX file names it.
ir::GraphPtr with_random_inputs(const ir::GraphPtr& entry) {
  return passes::rewrite(entry, [](const ir::Op& op, passes::Rewriter& rewriter) -> std::optional<passes::Expr> {
    const bool is_normal = op.code == ir::OpCode::random_normal;
    if (!is_normal && op.code != ir::OpCode::random_uniform) return {};
    const std::string name = fmt::format("{}.{}", is_normal ? "normal" : "uniform", op.attrs.integer(ir::Attr::stream));
    return passes::Expr{&rewriter.builder(),
                        rewriter.builder().input(name, rewriter.source().type(op.results.front()))};
  });
}

// One run of the entry on the best backend of this build.
NamedTensors run(const ir::GraphPtr& entry, const NamedTensors& weights, std::int64_t batch, Numbers& numbers) {
  passes::Context context;
  context.contrastive = false;
  CompileOptions options;
  options.backend = backend_names().front();
  for (const std::string& symbol : entry->symbols()) options.bind[symbol] = batch;
  const auto program = compile(passes::run_passes(entry, passes::forward_pipeline(), context), options);
  NamedTensors ports;
  for (std::size_t i = 0; i < program->inputs().size(); ++i) {
    const runtime::Port& port = program->inputs()[i];
    if (port.role == ir::Role::param || port.role == ir::Role::state) {
      program->write_input(int(i), weights.at(port.name).bytes.data());
    } else if (port.role == ir::Role::hyper) {
      const auto value = float(port.init.a);
      program->write_input(int(i), &value);
    } else if (port.role == ir::Role::data) {
      HostTensor input = port.name.starts_with("normal.") || port.name == "z" ? numbers.normal(port.type)
                                                                              : numbers.uniform(port.type, 0, 1);
      program->write_input(int(i), input.bytes.data());
      ports.emplace("in." + port.name, std::move(input));
    }
  }
  program->run();
  for (std::size_t i = 0; i < program->outputs().size(); ++i) {
    const runtime::Port& port = program->outputs()[i];
    HostTensor output = HostTensor::zeros(port.type.dtype, ir::numbers(port.type.dims));
    program->read_output(int(i), output.bytes.data());
    ports.emplace("out." + port.name, std::move(output));
  }
  return ports;
}

void write_cases(const fs::path& folder, const test::Subject& subject) {
  Numbers numbers;
  const NamedTensors weights = weights_of(subject.module, numbers);
  for (const ir::GraphPtr& entry : test::exported_entries(subject.module)) {
    const std::string stem = (folder / (subject.name + "." + entry->name)).string();
    onnx::ExportOptions options{.random = onnx::Random::input};
    runtime::write_file(stem + ".onnx", onnx::serialize(onnx::to_onnx(entry, weights, options)));
    options.batch = kFixed;
    runtime::write_file(stem + ".fixed.onnx", onnx::serialize(onnx::to_onnx(entry, weights, options)));
    const ir::GraphPtr fed = with_random_inputs(entry);
    const std::int64_t least = entry->name == "test" ? 3 : 1;  // a contrastive loss needs other pictures
    for (const std::int64_t batch : {least, kFixed, std::int64_t(5)})
      runtime::write_safetensors(fmt::format("{}.batch{}.safetensors", stem, batch), run(fed, weights, batch, numbers));
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 2) fail("usage: onnx_cases FOLDER");
    fs::create_directories(argv[1]);
    for (const test::Subject& subject : test::export_subjects()) write_cases(argv[1], subject);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "onnx_cases: {}\n", error.what());
    return 1;
  }
}
