// weft export: writes an entry as an ONNX file, or weights with PyTorch's names and layout.
#include "backends/onnx/export.h"

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "backends/onnx/model.h"
#include "ir/text/number.h"
#include "runtime/atomic_file.h"
#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/export/torch_weights.h"
#include "tools/flags/model_flags.h"
#include "tools/flags/run_flags.h"
#include "training/step.h"

namespace weft::tools {

namespace {

using nlohmann::ordered_json;

std::string ports_text(const ordered_json& ports) {
  std::vector<std::string> texts;
  for (const ordered_json& port : ports)
    texts.push_back(fmt::format("{} {}", port["name"].get<std::string>(), port["type"].get<std::string>()));
  return fmt::format("{}", fmt::join(texts, ", "));
}

// Entries for training, with dropout and batch statistics.
bool is_trained(const std::string& entry) {
  return entry == training::kLossEntry || entry.starts_with("pretrain") || entry == "train_step";
}

// Marks files in PyTorch's layout: reading a transposed square weight as Weft's would go unnoticed.
const runtime::Metadata& torch_metadata() {
  static const runtime::Metadata metadata = {{"format", "pt"}};
  return metadata;
}

runtime::TensorFile read_weights(const std::string& path) {
  runtime::TensorFile file = runtime::read_safetensors(path);
  if (file.metadata == torch_metadata())
    fail("{} has PyTorch's layout, which transposes the weights of linear layers; give a Weft checkpoint", path);
  return file;
}

class Export final : public Command {
 public:
  explicit Export(const Catalog& catalog) : catalog_(catalog), model_(catalog), run_(catalog) {}

  void declare(Flags& flags) override {
    flags.group("ONNX");
    flags.add("onnx", onnx_, "FILE", "Write an entry with its weights as an ONNX file");
    flags.add("entry", entry_, "NAME", "Entry to write");
    flags.add("batch", batch_, "N", "Batch size, or dynamic for any size");
    flags.choose("random", random_, {"refuse", "input", "draw"},
                 "What to do with an entry that draws random numbers: refuse it, make them inputs, or let the runtime "
                 "draw its own");
    flags.group("PyTorch");
    flags.add("torch", torch_, "FILE", "Write the weights as a safetensors file of a state dict");
    flags.group("Weights");
    flags.add("untrained", untrained_, "Export an untrained model with the options below, instead of a run");
    flags.add("weights", weights_, "FILE", "Take the weights from this safetensors file");
    flags.add("seed", seed_, 0, "Seed of the untrained weights");
    flags.group("Output");
    flags.add("json", json_, "Print one JSON object as the last line");
    model_.declare_size(flags);
    model_.declare(flags, "A run's folder, a checkpoint, a file NAME.weft, or a model, whose run is in run/MODEL");
  }

  int run() override {
    if (!onnx_ && !torch_) fail_usage("say what to write: --onnx FILE or --torch FILE");
    if (onnx_ && is_trained(entry_))
      fail("entry @{} is for training, which has no ONNX form; export one for inference, such as encode", entry_);
    const Weighted model = untrained_ || model_.name().ends_with(".weft") ? build() : open_run();
    ordered_json json{{"model", model.module.name}};
    if (onnx_) json["onnx"] = export_onnx(model);
    if (torch_) json["torch"] = export_torch(model);
    if (json_) put_json(json);
    return 0;
  }

 private:
  struct Weighted {
    ir::Module module;
    runtime::NamedTensors tensors;
  };

  // A model with initial weights. Uses no session, because that would compile training.
  Weighted build() const {
    ir::Module module = model_.build_or_read().module;
    runtime::State state;
    for (const ir::Graph& graph : module.graphs) state.add(graph);
    state.init(static_cast<std::uint64_t>(seed_));
    if (weights_) state.load(read_weights(*weights_), *weights_, runtime::State::Part::weights);
    return {std::move(module), state.save().tensors};
  }

  Weighted open_run() const {
    if (!model_.given().empty())
      fail_usage("a run keeps its model's options: omit --{}, or build a model with it by --untrained",
                 model_.given().begin()->first);
    if (weights_) fail_usage("a run has weights; --weights needs --untrained or a file NAME.weft");
    const std::string& name = model_.name();
    if (catalog_.find(name) && !std::filesystem::exists(default_run_folder(name)))
      fail("there is no run in {}: train {} first, name its run's folder, or give --untrained",
           default_run_folder(name).string(), name);
    const training::RunDirectory run = run_.open(name);
    training::SessionOptions options = run.config().session;
    options.backend = training::SessionOptions().backend;  // the run's backend may need a device
    const training::Session session = run.load(options);
    return {session.module(), session.save().tensors};
  }

  std::optional<std::int64_t> batch() const {
    if (batch_ == "dynamic") return {};
    const std::optional<std::int64_t> number = parse_number<std::int64_t>(batch_);
    if (number.value_or(0) < 1) fail_usage("--batch takes a whole number of at least 1 or dynamic, got '{}'", batch_);
    return number;
  }

  onnx::ExportOptions onnx_options() const {
    const onnx::Random random = random_ == "refuse" ? onnx::Random::refuse
                                : random_ == "draw" ? onnx::Random::draw
                                                    : onnx::Random::input;
    return {batch(), random, WEFT_VERSION};
  }

  ordered_json export_onnx(const Weighted& weighted) const {
    const onnx::ExportOptions options = onnx_options();
    const auto entry = std::make_shared<const ir::Graph>(training::entry_of(weighted.module, entry_));
    const onnx::Model model = onnx::to_onnx(entry, weighted.tensors, options);
    runtime::write_file(*onnx_, onnx::serialize(model));
    ordered_json json{{"file", *onnx_},
                      {"entry", entry_},
                      {"opset", onnx::kOpset},
                      {"inputs", ports(model.inputs)},
                      {"outputs", ports(model.outputs)},
                      {"nodes", model.nodes.size()}};
    say("onnx: {}: @{} of {}, {} nodes, opset {}\n  takes {}\n  gives {}\n", *onnx_, entry_, weighted.module.name,
        model.nodes.size(), onnx::kOpset, ports_text(json["inputs"]), ports_text(json["outputs"]));
    return json;
  }

  static ordered_json ports(const std::vector<onnx::ValueInfo>& values) {
    ordered_json json = ordered_json::array();
    for (const onnx::ValueInfo& value : values)
      json.push_back({{"name", value.name}, {"type", ir::to_string(value.type)}});
    return json;
  }

  ordered_json export_torch(const Weighted& weighted) const {
    const TorchWeights weights = torch_weights(weighted.module, weighted.tensors);
    runtime::write_safetensors(*torch_, weights.tensors, torch_metadata());
    say("torch: {}: {} tensors of {}\n", *torch_, weights.list.size(), weighted.module.name);
    ordered_json list = ordered_json::array();
    for (const TorchTensor& each : weights.list) {
      const runtime::HostTensor& tensor = weights.tensors.at(each.name);
      list.push_back(
          {{"name", each.name}, {"shape", tensor.shape}, {"module", each.module}, {"transposed", each.transposed}});
      say("  {:<40} {:<20} {}{}\n", each.name, to_string(tensor), each.module, each.transposed ? ", transposed" : "");
    }
    return {{"file", *torch_}, {"tensors", std::move(list)}};
  }

  template <typename... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) const {
    put(json_ ? stderr : stdout, format, std::forward<Args>(args)...);
  }

  const Catalog& catalog_;
  ModelFlags model_;
  RunFlags run_;
  std::optional<std::string> onnx_, torch_, weights_;
  std::string entry_ = "encode", batch_ = "dynamic", random_ = "refuse";
  std::int64_t seed_ = 1;
  bool untrained_ = false, json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_export(const Catalog& catalog) { return std::make_unique<Export>(catalog); }

}  // namespace weft::tools
