// Compiles the entries, the training step first, for it chooses how kernels of convolutions lie in memory.
#include "training/ahead.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "backends/compile.h"
#include "ir/error.h"
#include "ir/suggest.h"
#include "training/state.h"
#include "training/step.h"

namespace weft::training {

using artefact::Artefact;
using artefact::Entry;
using ir::GraphPtr;
using ir::Role;

namespace {

// What a device's libraries ask for at most.
std::size_t aligned(std::size_t bytes) { return (bytes + 255) / 256 * 256; }

bool is_for_training(const std::string& entry) {
  return entry == loss_entry || entry == test_entry || entry.starts_with("pretrain");
}

std::vector<std::string> chosen_entries(const ir::Module& module, const std::vector<std::string>& asked) {
  std::vector<std::string> known = {train_step_entry}, all;
  for (const ir::Graph& graph : module.graphs) {
    known.push_back(graph.name);
    if (!is_for_training(graph.name)) all.push_back(graph.name);
  }
  for (const std::string& name : asked)
    if (std::ranges::find(known, name) == known.end())
      fail("model {} has no entry {}{}", module.name, name, did_you_mean(name, known));
  if (asked.empty() && all.empty())
    fail("model {} has no entry but for training; name one with --entry: {}", module.name, fmt::join(known, ", "));
  std::vector<std::string> chosen = asked.empty() ? all : asked;
  std::ranges::stable_partition(chosen, [](const std::string& name) { return name == train_step_entry; });
  return chosen;
}

class Compiler {
 public:
  Compiler(const ir::Module& module, const AheadOptions& options) : module_(module), options_(options) {
    ahead_.artefact.name = options.name;
    ahead_.artefact.model = module.name;
    if (options.on_gpu) {
      ahead_.artefact.architectures = options.architectures;
    } else {
      const cpu::MachineTarget target = cpu::find_target(options.cpu, options.triple);
      ahead_.artefact.cpu = target.cpu;
      ahead_.artefact.features = cpu::required_features(target);
    }
    for (const auto& [option, value] : options.settings)
      ahead_.artefact.settings += fmt::format("{}{}={}", ahead_.artefact.settings.empty() ? "" : " ", option, value);
  }

  Ahead run(const std::optional<Weights>& weights) {
    for (const std::string& name : chosen_entries(module_, options_.entries)) add_entry(name);
    for (const ir::Graph& graph : module_.graphs) state_.add(graph);
    state_.init(1);
    for (Entry& entry : ahead_.artefact.entries) compile_entry(entry);
    if (weights) state_.load(weights->file, weights->path, State::Part::weights);
    lay_out();
    return std::move(ahead_);
  }

 private:
  void add_entry(const std::string& name) {
    passes::Context context;
    context.contrastive = options_.contrastive;
    Entry entry;
    entry.name = name;
    entry.trains = name == train_step_entry;
    entry.graph = entry.trains ? training_step(module_, options_.optimizer, context, {}, ir::DType::u8, Feeding::batch)
                               : passes::run_passes(std::make_shared<const ir::Graph>(entry_of(module_, name)),
                                                    passes::forward_pipeline(), context);
    if (entry.trains) state_.add(*entry.graph);
    for (const ir::Input& input : entry.graph->inputs) note_input(*entry.graph, input);
    ahead_.artefact.entries.push_back(std::move(entry));
  }

  void note_input(const ir::Graph& graph, const ir::Input& input) {
    const std::string& name = graph.values[input.value].name;
    auto& hypers = ahead_.artefact.hypers;
    if (input.role == Role::hyper &&
        std::ranges::find(hypers, name, &std::pair<std::string, float>::first) == hypers.end())
      hypers.emplace_back(name, static_cast<float>(input.init.a));
    if (input.role == Role::param || input.role == Role::state) used_.insert(name);
  }

  void compile_entry(Entry& entry) {
    std::vector<std::int64_t> batches = options_.batches;
    std::ranges::sort(batches);
    batches.erase(std::unique(batches.begin(), batches.end()), batches.end());
    for (const std::int64_t batch : batches) {
      CompileOptions compile_options;
      for (const std::string& symbol : entry.graph->symbols()) compile_options.bind[symbol] = batch;
      compile_options.standalone = options_.standalone;
      if (options_.on_gpu) compile_options.backend = "cuda";
      compile_options.precision = options_.precision;
      compile_options.choose_layouts = entry.trains && !state_.has_settled_layouts();
      compile_options.layouts = state_.layouts();
      const GraphPtr graph = lowered(entry.graph, compile_options);
      if (compile_options.choose_layouts) state_.settle_layouts(runtime::input_ports(*graph));
      entry.programs.push_back({batch, compiled(graph, entry, batch)});
    }
  }

  std::variant<cpu::AheadProgram, cuda::AheadProgram> compiled(const GraphPtr& graph, const Entry& entry,
                                                               std::int64_t batch) const {
    if (options_.on_gpu)
      return cuda::compile_ahead(graph, options_.precision == Precision::tf32, options_.architectures);
    return cpu::compile_ahead(graph, {fmt::format("{}_{}_{}_", options_.name, artefact::identifier(entry.name), batch),
                                      options_.cpu, options_.triple, options_.winograd, options_.standalone});
  }

  // Where each region of the state lies in the regions of the artefact. What no entry uses stays away, unless the model
  // is trained: its checkpoints are to be whole.
  void lay_out() {
    Artefact& artefact = ahead_.artefact;
    const bool trains = artefact.entries.front().trains;
    std::vector<std::size_t> offsets(state_.regions(), 0);
    std::vector<bool> seen(state_.regions(), false);
    std::vector<std::byte> params, kept;
    for (const State::Tensor& tensor : state_.tensors()) {
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
    ahead_.memory = std::move(params);
    ahead_.memory.insert(ahead_.memory.end(), kept.begin(), kept.end());
    keep_weights();
  }

  void keep_weights() {
    runtime::TensorFile file = state_.save();
    ahead_.artefact.optimizer = file.metadata.contains("optimizer") ? file.metadata.at("optimizer") : "";
    for (const artefact::Tensor& tensor : ahead_.artefact.tensors)
      if (!tensor.of_optimizer) ahead_.weights.emplace(tensor.name, std::move(file.tensors.at(tensor.name)));
  }

  const ir::Module& module_;
  const AheadOptions& options_;
  State state_;
  std::set<std::string> used_;  // names of inputs that entries read
  Ahead ahead_;
};

}  // namespace

Ahead compile_ahead(const ir::Module& module, const std::optional<Weights>& weights, const AheadOptions& options) {
  if (options.batches.empty()) fail("name at least one batch");
  return Compiler(module, options).run(weights);
}

}  // namespace weft::training
