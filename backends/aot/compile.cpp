// Compiles the entries, the training step first because it chooses the memory layouts of convolution weights.
#include "backends/aot/compile.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "backends/compile.h"
#include "ir/error.h"
#include "runtime/state.h"

namespace weft::aot {

using ir::GraphPtr;
using ir::Role;

namespace {

// upper bound on the alignment that a device's libraries require
std::size_t aligned(std::size_t bytes) { return (bytes + 255) / 256 * 256; }

class Compiler {
 public:
  Compiler(const ir::Module& module, const Options& options) : module_(module), options_(options) {
    compiled_.artefact.name = options.name;
    compiled_.artefact.model = module.name;
    if (options.on_gpu) {
      compiled_.artefact.architectures = options.architectures;
    } else {
      const cpu::MachineTarget target = cpu::find_target(options.cpu, options.triple);
      compiled_.artefact.cpu = target.cpu;
      compiled_.artefact.features = cpu::required_features(target);
    }
    for (const auto& [option, value] : options.settings)
      compiled_.artefact.settings +=
          fmt::format("{}{}={}", compiled_.artefact.settings.empty() ? "" : " ", option, value);
  }

  Compiled run(const std::vector<EntryGraph>& entries, const std::optional<Weights>& weights) {
    for (const EntryGraph& entry : entries) add_entry(entry);
    for (const ir::Graph& graph : module_.graphs) state_.add(graph);
    state_.init(1);
    for (Entry& entry : compiled_.artefact.entries) compile_entry(entry);
    if (weights) state_.load(weights->file, weights->path, runtime::State::Part::weights);
    lay_out();
    return std::move(compiled_);
  }

 private:
  void add_entry(const EntryGraph& given) {
    Entry entry;
    entry.name = given.name;
    entry.trains = given.trains;
    entry.graph = given.graph;
    if (entry.trains) state_.add(*entry.graph);
    for (const ir::Input& input : entry.graph->inputs) note_input(*entry.graph, input);
    compiled_.artefact.entries.push_back(std::move(entry));
  }

  void note_input(const ir::Graph& graph, const ir::Input& input) {
    const std::string& name = graph.values[input.value].name;
    auto& hypers = compiled_.artefact.hypers;
    if (input.role == Role::hyper &&
        std::ranges::find(hypers, name, &std::pair<std::string, float>::first) == hypers.end())
      hypers.emplace_back(name, static_cast<float>(input.init.a));
    if (input.role == Role::param || input.role == Role::state) used_.insert(name);
  }

  Contractions contractions() const { return options_.standalone ? Contractions::generated : options_.contractions; }

  void compile_entry(Entry& entry) {
    std::vector<std::int64_t> batches = options_.batches;
    std::ranges::sort(batches);
    batches.erase(std::unique(batches.begin(), batches.end()), batches.end());
    for (const std::int64_t batch : batches) {
      CompileOptions compile_options;
      for (const std::string& symbol : entry.graph->symbols()) compile_options.bind[symbol] = batch;
      compile_options.contractions = contractions();
      compile_options.winograd = options_.winograd;
      if (options_.on_gpu) compile_options.backend = "cuda";
      compile_options.precision = options_.precision;
      compile_options.choose_layouts = entry.trains && !state_.has_settled_layouts();
      compile_options.layouts = state_.layouts();
      const GraphPtr graph = lowered(entry.graph, compile_options);
      if (compile_options.choose_layouts) state_.settle_layouts(runtime::input_ports(*graph));
      entry.programs.push_back({batch, compiled(graph, entry, batch)});
    }
  }

  std::variant<CpuProgram, CudaProgram> compiled(const GraphPtr& graph, const Entry& entry, std::int64_t batch) const {
    if (options_.on_gpu) return compile_for_cuda(graph, options_.precision == Precision::tf32, options_.architectures);
    return compile_for_cpu(graph, {fmt::format("{}_{}_{}_", options_.name, identifier(entry.name), batch), options_.cpu,
                                   options_.triple, options_.winograd, contractions(), options_.standalone});
  }

  // Assigns regions of the state to regions of the artefact. Drops tensors that no entry uses, unless the artefact
  // trains: its checkpoints must be complete.
  void lay_out() {
    Artefact& artefact = compiled_.artefact;
    const bool trains = artefact.entries.front().trains;
    std::vector<std::size_t> offsets(state_.regions(), 0);
    std::vector<bool> seen(state_.regions(), false);
    std::vector<std::byte> params, kept;
    for (const runtime::State::Tensor& tensor : state_.tensors()) {
      if (!trains && !used_.contains(tensor.name)) continue;
      std::vector<std::byte>& memory = tensor.role == Role::param ? params : kept;
      if (!seen[tensor.region]) {
        const std::vector<std::byte> bytes = state_.region(tensor.region);
        offsets[tensor.region] = memory.size();
        memory.insert(memory.end(), bytes.begin(), bytes.end());
        memory.resize(aligned(memory.size()));
        seen[tensor.region] = true;
      }
      const std::size_t offset = offsets[tensor.region] + tensor.byte_offset;
      artefact.tensors.push_back(
          {tensor.name, tensor.type, tensor.role, tensor.of_optimizer, offset, tensor.layout, tensor.init});
      artefact.offsets[tensor.name] = offset;
    }
    for (const auto& [name, region] : state_.flat_inputs()) artefact.offsets[name] = offsets[region];
    artefact.params_bytes = params.size();
    artefact.state_bytes = kept.size();
    compiled_.memory = std::move(params);
    compiled_.memory.insert(compiled_.memory.end(), kept.begin(), kept.end());
    keep_weights();
  }

  void keep_weights() {
    runtime::TensorFile file = state_.save();
    compiled_.artefact.optimizer = file.metadata.contains("optimizer") ? file.metadata.at("optimizer") : "";
    for (const Tensor& tensor : compiled_.artefact.tensors)
      if (!tensor.of_optimizer) compiled_.weights.emplace(tensor.name, std::move(file.tensors.at(tensor.name)));
  }

  const ir::Module& module_;
  const Options& options_;
  runtime::State state_;
  std::set<std::string> used_;  // names of inputs that entries read
  Compiled compiled_;
};

}  // namespace

Compiled compile(const ir::Module& module, const std::vector<EntryGraph>& entries,
                 const std::optional<Weights>& weights, const Options& options) {
  if (options.batches.empty()) fail("name at least one batch");
  return Compiler(module, options).run(entries, weights);
}

}  // namespace weft::aot
