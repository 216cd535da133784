// weft probe: measures how well an encoder's features separate the classes, compared with simpler features.
#include "training/evaluation/probe.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/flags/run_flags.h"
#include "training/evaluation/knn.h"
#include "training/evaluation/representation.h"
#include "training/runs/probed_session.h"
#include "training/stats/pca.h"

namespace weft::tools {

namespace {

using training::DatasetSplits;
using training::RunDirectory;
using training::Session;
using training::SessionOptions;

constexpr const char* kNeighbours = "knn";
constexpr std::int64_t kComponents = 32;

std::vector<std::string> choices() {
  std::vector<std::string> names = training::probe_names();
  names.emplace_back(kNeighbours);
  names.emplace_back("all");
  return names;
}

class Probe final : public Command {
 public:
  explicit Probe(const Catalog& catalog) : run_(catalog) {}

  void declare(Flags& flags) override {
    run_.declare(flags);
    flags.group("Probe");
    flags.choose("probe", probe_, choices(), "linear, mlp and conv train on the features; all: linear and knn");
    flags.add("block", block_, 1, "Take the features from this block of the encoder, counted from 1 [its output]");
    flags.add("epochs", options_.epochs, 1, "Epochs of the trained probes");
    flags.add("no-baselines", no_baselines_, "Skip the baselines: raw pixels, PCA and the untrained encoder");
    flags.add("json", json_, "Print one JSON object as the last line");
  }

  int run() override {
    const RunDirectory run = run_.open();
    const DatasetSplits data = run_.data(run);
    if (data.test.size() == 0) fail("{} has no test images", data.test.name);
    session_ = run_.options(run);
    put(file(), "probing {} on {}: {} images to train, {} to validate, {} to test\n", run.config().model,
        data.train.name, grouped(data.train.size()), grouped(data.validation.size()), grouped(data.test.size()));

    measure("encoder", trained_features(run, data));
    if (!no_baselines_) {
      measure("untrained encoder", fresh_features(run, data));
      DatasetSplits pixels = training::raw_pixels(data);
      if (probe_ != "conv") measure_pixels(std::move(pixels));
    }
    if (json_) put("{}\n", json_of(run, data));
    return 0;
  }

 private:
  std::FILE* file() const { return json_ ? stderr : stdout; }
  bool asks_for(const std::string& name) const {
    return probe_ == name || (probe_ == "all" && (name == "linear" || name == kNeighbours));
  }

  // --- Features ---

  // Probes run the encoder in eval mode over a copy of its weights; checks that they did not change.
  DatasetSplits trained_features(const RunDirectory& run, const DatasetSplits& data) const {
    Session session = training::probed_session(run, session_, {block_.value_or(0)}, true);
    const auto before = session.save().tensors;
    DatasetSplits features = training::represent(session, data);
    check(session.save().tensors == before, "a probe must not change weights and statistics");
    put(file(), "features {} per image; the model's {} tensors are bitwise equal to {}\n",
        to_string(features.train.samples), before.size(), run.checkpoint_path().string());
    return features;
  }

  DatasetSplits fresh_features(const RunDirectory& run, const DatasetSplits& data) const {
    Session session = training::probed_session(run, session_, {block_.value_or(0)}, false);
    return training::represent(session, data);
  }

  void measure_pixels(DatasetSplits pixels) {
    const std::int64_t columns = pixels.train.samples.shape[1];
    if (columns > kComponents) {
      const training::Pca pca = training::principal_components(pixels.train.samples, kComponents, session_);
      DatasetSplits reduced = pixels;
      for (training::Dataset* part : {&reduced.train, &reduced.validation, &reduced.test})
        if (part->size() > 0) part->samples = training::project(pca, part->samples, session_);
      measure(fmt::format("PCA-{}", kComponents), std::move(reduced));
    }
    measure("raw pixels", std::move(pixels));
  }

  // --- Measuring ---

  // Test accuracies by probe name.
  struct Row {
    std::string features;
    std::vector<std::pair<std::string, double>> accuracies;
  };

  void measure(const std::string& name, DatasetSplits features) {
    Row row{name, {}};
    if (asks_for(kNeighbours)) {
      const std::vector<training::Vote> votes = {{10, 0}, {200, 0.1}};
      const std::vector<double> found = training::knn_accuracies(features.train, features.test, votes, session_);
      row.accuracies = {{"knn10", found[0]}, {"knn200", found[1]}};
    }
    training::standardise(features);
    for (const std::string& each : training::probe_names()) {
      if (!asks_for(each)) continue;
      options_.kind = training::parse_probe(each);
      row.accuracies.emplace_back(each, training::probe(features, options_, session_).test);
    }
    put(file(), "{:<18}", name);
    for (const auto& [probe, accuracy] : row.accuracies) put(file(), "  {} {:.2f} %", probe, 100 * accuracy);
    put(file(), "\n");
    std::fflush(file());
    rows_.push_back(std::move(row));
  }

  std::string json_of(const RunDirectory& run, const DatasetSplits& data) const {
    nlohmann::ordered_json json{{"model", run.config().model},       {"data", data.train.name},
                                {"train_images", data.train.size()}, {"test_images", data.test.size()},
                                {"block", block_.value_or(0)},       {"accuracy", nlohmann::ordered_json::object()}};
    for (const Row& row : rows_)
      for (const auto& [probe, accuracy] : row.accuracies) json["accuracy"][row.features][probe] = accuracy;
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }

  RunFlags run_;
  std::string probe_ = "all";
  std::optional<std::int64_t> block_;
  training::ProbeOptions options_;
  bool no_baselines_ = false, json_ = false;
  SessionOptions session_;
  std::vector<Row> rows_;
};

}  // namespace

std::unique_ptr<Command> make_probe(const Catalog& catalog) { return std::make_unique<Probe>(catalog); }

}  // namespace weft::tools
