// weft export: a model for other programs: an entry as an ONNX file, weights as PyTorch names and lays them out.
#include "backends/onnx/export.h"

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "backends/onnx/model.h"
#include "ir/number.h"
#include "runtime/atomic_file.h"
#include "tools/commands.h"
#include "tools/model_flags.h"
#include "tools/run_flags.h"
#include "tools/torch_weights.h"
#include "training/step.h"

namespace weft::tools {

namespace {

using nlohmann::ordered_json;
using training::Session;

std::string ports_text(const ordered_json& ports) {
  std::vector<std::string> texts;
  for (const ordered_json& port : ports)
    texts.push_back(fmt::format("{} {}", port["name"].get<std::string>(), port["type"].get<std::string>()));
  return fmt::format("{}", fmt::join(texts, ", "));
}

// Entries that training differentiates, with dropout and statistics of the batch.
bool is_trained(const std::string& entry) {
  return entry == training::loss_entry || entry.starts_with("pretrain") || entry == "train_step";
}

class Export final : public Command {
 public:
  explicit Export(const Catalog& catalog) : model_(catalog), run_(catalog) {}

  void declare(Flags& flags) override {
    flags.group("ONNX");
    flags.add("onnx", onnx_, "FILE", "Write an entry with its weights as an ONNX file");
    flags.add("entry", entry_, "NAME", "Which entry");
    flags.add("batch", batch_, "N", "Rows that it takes at once, or dynamic: as many as it is given");
    flags.choose("random", random_, {"refuse", "input", "draw"},
                 "An entry that draws random numbers: refuse it, make them inputs, or let the runtime draw others");
    flags.group("PyTorch");
    flags.add("torch", torch_, "FILE", "Write the weights as a safetensors file of a state dict");
    flags.group("Weights");
    flags.add("untrained", untrained_, "The model as it starts, with the options below, in place of a run");
    flags.add("weights", weights_, "FILE", "Of this safetensors file, as of a run's checkpoint");
    flags.add("seed", seed_, 0, "Of untrained weights");
    flags.group("Output");
    flags.add("json", json_, "The last line on standard output is one JSON object");
    model_.declare_size(flags);
    model_.declare(flags);
  }

  int run() override {
    if (!onnx_ && !torch_) fail_usage("say what to write: --onnx FILE or --torch FILE");
    const Session session = open();
    const runtime::NamedTensors tensors = session.save().tensors;
    ordered_json json{{"model", session.module().name}};
    if (onnx_) json["onnx"] = export_onnx(session.module(), tensors);
    if (torch_) json["torch"] = export_torch(session.module(), tensors);
    if (json_) fmt::print("{}\n", json.dump());
    return 0;
  }

 private:
  // A run, or a model without one.
  Session open() const {
    Session session = untrained_ || model_.name().ends_with(".weft") ? build() : open_run();
    if (weights_) session.load_weights(runtime::read_safetensors(*weights_), *weights_);
    return session;
  }

  Session build() const {
    training::SessionOptions options;
    options.seed = static_cast<std::uint64_t>(seed_);
    return Session(model_.build_or_read().module, options);
  }

  Session open_run() const {
    if (!model_.given().empty())
      fail_usage("a run takes no options of its model, but --{} is given; --untrained builds a model with it",
                 model_.given().begin()->first);
    const training::RunDirectory run = run_.open(model_.name());
    training::SessionOptions options = run.config().session;
    options.backend = training::SessionOptions().backend;  // the run's may need a device, and nothing runs here
    return run.load(options);
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

  ordered_json export_onnx(const ir::Module& module, const runtime::NamedTensors& tensors) const {
    if (is_trained(entry_))
      fail(
          "entry @{} is for training, which has no ONNX form; export one for inference, such as encode, or test for "
          "its measures",
          entry_);
    const onnx::ExportOptions options = onnx_options();
    const auto entry = std::make_shared<const ir::Graph>(training::entry_of(module, entry_));
    const onnx::Model model = onnx::to_onnx(entry, tensors, options);
    runtime::write_file(*onnx_, onnx::serialize(model));
    ordered_json json{{"file", *onnx_},
                      {"entry", entry_},
                      {"opset", onnx::kOpset},
                      {"inputs", ports(model.inputs)},
                      {"outputs", ports(model.outputs)},
                      {"nodes", model.nodes.size()}};
    say("onnx: {}: @{} of {}, {} nodes, opset {}\n  takes {}\n  gives {}\n", *onnx_, entry_, module.name,
        model.nodes.size(), onnx::kOpset, ports_text(json["inputs"]), ports_text(json["outputs"]));
    return json;
  }

  static ordered_json ports(const std::vector<onnx::ValueInfo>& values) {
    ordered_json json = ordered_json::array();
    for (const onnx::ValueInfo& value : values)
      json.push_back({{"name", value.name}, {"type", ir::to_string(value.type)}});
    return json;
  }

  ordered_json export_torch(const ir::Module& module, const runtime::NamedTensors& tensors) const {
    const TorchWeights weights = torch_weights(module, tensors);
    runtime::write_safetensors(*torch_, weights.tensors);
    say("torch: {}: {} tensors of {}\n", *torch_, weights.list.size(), module.name);
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
    fmt::print(json_ ? stderr : stdout, format, std::forward<Args>(args)...);
  }

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
