// weft finetune: trains a classifier on a run's encoder with few labels.
#include "training/evaluation/finetune.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "ir/text/number.h"
#include "models/parts/encoder.h"
#include "runtime/safetensors.h"
#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/flags/model_flags.h"
#include "tools/flags/run_flags.h"

namespace weft::tools {

namespace {

using training::DatasetSplits;
using training::FinetuneResult;
using training::RunDirectory;
using training::Spread;

constexpr const char* kClassifier = "classifier";  // the model to train

// The last layer of the encoder `conv` [in,out]; in a variational model it returns a mean and a log-variance per unit.
constexpr const char* kCode = "encoder.fc.weight";

// The kind of an unnamed encoder, from the name of its first layer.
std::string kind_of(const runtime::TensorFile& file, const std::filesystem::path& path) {
  if (file.tensors.contains("encoder.fc1.weight")) return "mlp";
  if (file.tensors.contains("encoder.conv1.weight")) return "conv";
  fail("{} has no encoder to fine-tune: no weights encoder.fc1 or encoder.conv1, and its run has no setting 'encoder'",
       path.string());
}

class Finetune final : public Command {
 public:
  explicit Finetune(const Catalog& catalog) : run_(catalog), classifier_(catalog.need(kClassifier)) {
    options_.session.batch = training::SessionOptions().batch;
  }

  void declare(Flags& flags) override {
    run_.declare(flags);
    flags.group("Labels");
    flags.add("labels", labels_, "LIST", "Numbers of labels, balanced over the classes, such as 100,1000,all");
    flags.add("draws", draws_, 1, "Random draws of the labels; `all` uses one");
    flags.add("seed", seed_, 0, "Seed of the first draw; each further draw adds one");
    flags.add("steps", options_.steps, 1, "Training steps, at least");
    flags.add("epochs", options_.epochs, 1, "Epochs over the labels [enough for --steps]");
    flags.add("no-scratch", no_scratch_, "Skip training the same network from scratch for comparison");
    flags.add("json", json_, "Print one JSON object as the last line");
    optimizer_.declare(flags);
    flags.group("Classifier");
    for (const Option& option : classifier_.options)
      flags.add(option.name, settings_[option.name], "TEXT", fmt::format("{} [{}]", option.doc, usual(option)));
  }

  int run() override {
    const std::vector<std::string> labels = split_labels();
    const RunDirectory run = run_.open();
    const DatasetSplits data = run_.data(run);
    const std::filesystem::path path = run.checkpoint_path();
    const runtime::TensorFile file = run.read_checkpoint();
    const ir::Module module = build(run, file, data);
    options_.session = run_.options(run, options_.session.batch);
    options_.session.optimizer = optimizer_.apply({});
    options_.scratch = !no_scratch_;

    put(this->file(), "fine-tuning the encoder of {} on {}: {} images to train, {} to test\n", run.config().model,
        data.train.name, grouped(data.train.size()), grouped(data.test.size()));
    nlohmann::ordered_json json{
        {"model", run.config().model}, {"data", data.train.name}, {"results", nlohmann::ordered_json::array()}};
    for (const std::string& each : labels) json["results"].push_back(measure(module, file, path, data, each));
    if (json_) put_json(json);
    return 0;
  }

 private:
  std::FILE* file() const { return json_ ? stderr : stdout; }

  static bool is_of_encoder(const std::string& name) {
    for (const Option& option : models::Encoder::options(""))
      if (option.name == name) return true;
    return false;
  }
  static std::string usual(const Option& option) { return is_of_encoder(option.name) ? "the run's" : option.fallback; }

  std::vector<std::string> split_labels() const {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= labels_.size();) {
      const std::size_t end = std::min(labels_.find(',', begin), labels_.size());
      parts.push_back(labels_.substr(begin, end - begin));
      if (parts.back() != "all" && parse_number<std::int64_t>(parts.back()).value_or(0) < 1)
        fail_usage("--labels takes comma-separated whole numbers or 'all', such as 100,1000,all; got '{}'", labels_);
      begin = end + 1;
    }
    return parts;
  }

  // The classifier with the run's encoder, for the images of `data`.
  ir::Module build(const RunDirectory& run, const runtime::TensorFile& weights, const DatasetSplits& data) const {
    Settings settings(classifier_);
    set_sizes(settings, data.train);
    const auto& of_run = run.config().settings;
    if (!of_run.contains("encoder")) settings.set("encoder", kind_of(weights, run.checkpoint_path()));
    for (const auto& [name, value] : of_run)
      if (is_of_encoder(name)) settings.set(name, value);
    if (const auto code = weights.tensors.find(kCode); code != weights.tensors.end())
      settings.set("latent", fmt::format("{}", code->second.shape.at(1)));
    for (const auto& [name, value] : settings_)
      if (value) settings.set(name, *value);
    return build_module(classifier_, settings);
  }

  nlohmann::ordered_json measure(const ir::Module& module, const runtime::TensorFile& weights,
                                 const std::filesystem::path& path, const DatasetSplits& data,
                                 const std::string& labels) {
    const bool all = labels == "all";
    const std::int64_t count = all ? data.train.size() : *parse_number<std::int64_t>(labels);
    std::vector<double> errors, scratch_errors;
    nlohmann::ordered_json draws = nlohmann::ordered_json::array();
    FinetuneResult last;
    for (std::int64_t draw = 0; draw < (all ? 1 : draws_); ++draw) {
      options_.session.seed = static_cast<std::uint64_t>(seed_ + draw);
      last = training::finetune(module, weights, path, data, count, options_);
      errors.push_back(100 * (1 - last.accuracy));
      scratch_errors.push_back(100 * (1 - last.scratch));
      put(file(), "{} labels, seed {}: error {:.2f} %{}\n", grouped(count), last.seed, errors.back(),
          no_scratch_ ? "" : fmt::format(", from scratch {:.2f} %", scratch_errors.back()));
      std::fflush(file());
      draws.push_back({{"seed", last.seed}, {"accuracy", last.accuracy}});
      if (!no_scratch_) draws.back()["scratch"] = last.scratch;
    }
    const Spread error = training::spread_of(errors), scratch = training::spread_of(scratch_errors);
    const auto percent = [&](const Spread& spread) {
      return draws.size() > 1 ? fmt::format("{:.2f} +- {:.2f} %", spread.mean, spread.deviation)
                              : fmt::format("{:.2f} %", spread.mean);
    };
    put(file(), "{} labels: error {}{} ({} epochs)\n", grouped(count), percent(error),
        no_scratch_ ? "" : ", from scratch " + percent(scratch), last.epochs);
    nlohmann::ordered_json json{{"labels", count},
                                {"epochs", last.epochs},
                                {"error_percent", {{"mean", error.mean}, {"deviation", error.deviation}}}};
    if (!no_scratch_) json["scratch_error_percent"] = {{"mean", scratch.mean}, {"deviation", scratch.deviation}};
    json["draws"] = std::move(draws);
    return json;
  }

  RunFlags run_;
  const Model& classifier_;
  std::map<std::string, std::optional<std::string>> settings_;
  OptimizerFlags optimizer_;
  std::string labels_ = "100,1000,all";
  std::int64_t draws_ = 5, seed_ = 1;
  training::FinetuneOptions options_;
  bool no_scratch_ = false, json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_finetune(const Catalog& catalog) { return std::make_unique<Finetune>(catalog); }

}  // namespace weft::tools
