// weft anomaly trains a detector on normal samples and scores the rest; weft anomaly score scores new rows with it.
#include "training/evaluation/anomaly.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "runtime/clock.h"
#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/flags/entries.h"
#include "tools/flags/train_flags.h"
#include "training/data/csv.h"
#include "training/data/table.h"
#include "training/evaluation/anomaly_task.h"
#include "training/evaluation/codes.h"
#include "training/evaluation/roc.h"
#include "training/plot/plots.h"
#include "training/runs/detector_file.h"
#include "training/runs/illustrate.h"
#include "training/runs/illustrate_roc.h"
#include "training/runs/run_directory.h"

namespace weft::tools {

namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using training::AnomalyOutcome;
using training::AnomalyTask;
using training::Dataset;
using training::Detector;
using training::RunDirectory;
using training::Scores;

class Anomaly final : public Command {
 public:
  explicit Anomaly(const Catalog& catalog) : catalog_(catalog) {}

  void declare(Flags& flags) override {
    flags.positional("score", action_, "Score the rows of --data with the detector in --run");
    flags.group("Data");
    flags.add("data", data_, "PATH",
              "A table whose last column is 1 for an anomaly; or images by class, as for weft train");
    flags.add("normal-class", normal_class_, "CLASS", "For images: the normal class; all: each class in turn [all]");
    flags.add("run", run_, "DIR", "With score: the detector's run");
    flags.group("Detector");
    flags.add("model", model_, "MODEL", "Model that learns the normal samples; it needs an entry `score`");
    flags.add("quantile", quantile_, Flags::Range::positive,
              "Quantile of the held-out normal scores that becomes the threshold");
    flags.add("steps", steps_, 1, fmt::format("Training steps [tables {}, images {}]", table_steps, picture_steps));
    flags.add("seed", seed_, 0, "Seed of the split and of all random numbers");
    flags.group("Output");
    flags.add("out", out_, "DIR", "Folder of the run; replaces a run there");
    flags.add("json", json_, "Print one JSON object as the last line");
    machine_.declare(flags);
  }

  int run() override {
    if (!action_.empty() && action_ != "score") fail_usage("weft anomaly takes score or no argument, got {}", action_);
    if (quantile_ >= 1) fail_usage("--quantile must be below 1, got {}", quantile_);
    if (data_.empty())
      fail_usage("--data is missing: a table whose last column is 1 for an anomaly, or images by class");
    if (action_ == "score") return score_new();
    return training::is_csv(data_) && !fs::is_directory(data_) ? run_table() : run_pictures();
  }

 private:
  static constexpr std::int64_t table_steps = 2000, picture_steps = 1000, batch = 128;

  std::FILE* text() const { return json_ ? stderr : stdout; }

  // --- Models ---

  // Fixed settings: one set for all tables, one for all images.
  Settings settings_for(const Model& model, const Dataset& data) const {
    Settings settings(model);
    const training::ImageShape shape = training::image_shape(data);
    settings.set("channels", fmt::format("{}", shape[0]));
    settings.set("height", fmt::format("{}", shape[1]));
    settings.set("width", fmt::format("{}", shape[2]));
    const auto set = [&](const char* option, const char* value) {
      if (std::ranges::find(model.options, option, &Option::name) != model.options.end()) settings.set(option, value);
    };
    set("output", "linear");
    set("likelihood", "gaussian");
    if (model.name != "denoising_autoencoder") return settings;
    set("hidden", data.is_table() ? "128" : "512");
    set("latent", data.is_table() ? "128" : "256");
    set("noise-level", "0.4");
    return settings;
  }

  training::SessionOptions session_options() const {
    training::SessionOptions options;
    options.batch = batch;
    options.seed = static_cast<std::uint64_t>(seed_);
    options.optimizer.learning_rate = 2e-3;
    return machine_.apply(options);
  }

  // --- Learning and scoring ---

  struct Learned {
    RunDirectory run;
    AnomalyOutcome outcome;
    Scores scores;
  };

  Learned learn(const AnomalyTask& task, const fs::path& folder) const {
    const Model& model = catalog_.need(model_);
    const Settings settings = settings_for(model, task.normal);
    training::RunConfig config;
    config.model = model.name;
    config.settings = settings.values();
    config.data.folder = training::is_built_in(data_) ? data_ : fs::absolute(data_).lexically_normal().string();
    config.data.columns = task.normal.columns;
    config.session = session_options();
    ir::Module module = build_module(model, settings);
    config.id = run_id(config, module, {&task.normal, &task.test});
    RunDirectory run = RunDirectory::create(folder, config, std::move(module), RunDirectory::Existing::replace);
    training::Session session(run.module(), config.session);
    need_entry(catalog_, session, "score", "weft anomaly");
    training::DetectorOptions options;
    options.quantile = quantile_;
    options.steps = steps_.value_or(task.normal.is_table() ? table_steps : picture_steps);
    if (task.normal.size() > options.most)
      put(stderr, "weft: training on {} of {} normal rows, sampled by the seed\n", grouped(options.most),
          grouped(task.normal.size()));
    Detector detector(session, task.normal, options);
    run.save(session, {});
    write_detector(run, detector);
    Scores scores = detector.score(task.test);
    const AnomalyOutcome outcome = training::measure(scores, task.test, detector.threshold());
    const auto labels = task.test.labels.as<std::int32_t>();
    run.write("roc.png", training::picture_roc(scores.total, labels).png());
    run.write("precision_recall.png", training::picture_precision_recall(scores.total, labels).png());
    print_worst(run, detector, scores.total, task.test, false);
    return {std::move(run), outcome, std::move(scores)};
  }

  // --- Most anomalous samples ---

  // Writes the samples with the largest scores: images as a grid; rows as text with the columns that add most to their
  // distance, and with row numbers if the data keep the order of their file.
  void print_worst(const RunDirectory& run, const Detector& detector, const std::vector<double>& scores,
                   const Dataset& data, bool numbered) const {
    const std::vector<std::int64_t> worst = training::largest_of(scores, data.is_table() ? 5 : 50);
    const Dataset strangest = take(data, worst);
    const runtime::HostTensor rows = training::as_rows(strangest);
    if (!data.is_table()) {
      run.write("strangest.png", training::sample_grid({rows.as<float>(), strangest.samples.shape}).png());
      return;
    }
    const auto width = static_cast<std::size_t>(rows.shape[1]);
    for (std::size_t i = 0; i < worst.size(); ++i) {
      const auto row = rows.as<float>().subspan(i * width, width);
      const std::vector<double> parts = training::contributions(detector.normality().gaussian.value(), row);
      std::string columns;
      for (const std::int64_t column : training::largest_of(parts, 3)) {
        const auto at = static_cast<std::size_t>(column);
        columns +=
            fmt::format("{}{} ({:+.1f} deviations)", columns.empty() ? "" : ", ", data.columns[at].name, row[at]);
      }
      put(text(), "strangest row {}{}: score {:.3g}; {}\n", i + 1,
          numbered ? fmt::format(" (row {})", worst[i] + 1) : "", scores[static_cast<std::size_t>(worst[i])], columns);
    }
  }

  // --- Tables ---

  int run_table() {
    const Clock::time_point begin = Clock::now();
    const AnomalyTask task = training::table_task(data_, static_cast<std::uint64_t>(seed_));
    const Learned learned = learn(task, out_);
    const training::BestComponents best = training::best_components(task);
    const std::int64_t anomalies = training::anomalies_in(task.test);
    const AnomalyOutcome& outcome = learned.outcome;
    put(text(),
        "{}: {} normal rows to train, {} rows scored, {} of them anomalies\n"
        "AUROC {:.4f}, AUPRC {:.4f}; the best PCA (of {} components) {:.4f}\n"
        "threshold {:.4g}: flags {:.1f}% of the anomalies and {:.1f}% of the normal rows\nrun: {}\n",
        task.normal.name, grouped(task.normal.size()), grouped(task.test.size()), grouped(anomalies), outcome.auroc,
        outcome.auprc, best.count, best.auroc, outcome.threshold, 100 * outcome.flagged_anomalies,
        100 * outcome.flagged_normal, learned.run.path().string());
    if (json_) {
      ordered_json json{{"data", task.normal.name},
                        {"model", model_},
                        {"train", task.normal.size()},
                        {"test", task.test.size()},
                        {"anomalies", anomalies}};
      add(json, outcome);
      json["pca"] = {{"components", best.count}, {"auroc", best.auroc}};
      json["seconds"] = seconds_since(begin);
      put_json(json);
    }
    return 0;
  }

  static void add(ordered_json& json, const AnomalyOutcome& outcome) {
    json["auroc"] = outcome.auroc;
    json["auprc"] = outcome.auprc;
    json["threshold"] = outcome.threshold;
    json["flagged_anomalies"] = outcome.flagged_anomalies;
    json["flagged_normal"] = outcome.flagged_normal;
    json["views"] = {{"distance", outcome.distance_auroc}, {"error", outcome.error_auroc}};
  }

  // --- Images ---

  int run_pictures() {
    const Clock::time_point begin = Clock::now();
    training::DataOptions options;
    options.folder = data_;
    options.validation = 0;
    const training::DatasetSplits data = training::load_data(options);
    if (data.train.is_table()) fail("{}: a table must be one file NAME.csv", data_);
    if (data.train.classes < 2) fail("{}: all images have one class; anomalies need another", data_);
    ordered_json classes = ordered_json::array();
    double sum = 0, worst = 1;
    const std::vector<int> chosen = chosen_classes(data.train);
    for (const int each : chosen) {
      const std::string& name = data.train.class_names[static_cast<std::size_t>(each)];
      const AnomalyTask task = training::image_task(data, each);
      const fs::path folder = chosen.size() == 1 ? fs::path(out_) : fs::path(out_) / fmt::format("class_{}", each);
      const AnomalyOutcome outcome = learn(task, folder).outcome;
      put(text(), "normal class {}: AUROC {:.4f}, AUPRC {:.4f}; {} to train, {} scored\n", name, outcome.auroc,
          outcome.auprc, grouped(task.normal.size()), grouped(task.test.size()));
      std::fflush(text());
      sum += outcome.auroc;
      worst = std::min(worst, outcome.auroc);
      ordered_json json{{"class", name}};
      add(json, outcome);
      classes.push_back(std::move(json));
    }
    const double mean = sum / static_cast<double>(chosen.size());
    put(text(), "mean AUROC {:.4f}, worst class {:.4f}\nrun: {}\n", mean, worst, out_);
    if (json_)
      put_json(ordered_json{{"data", data.train.name},
                            {"model", model_},
                            {"classes", classes},
                            {"auroc", mean},
                            {"worst", worst},
                            {"seconds", seconds_since(begin)}});
    return 0;
  }

  std::vector<int> chosen_classes(const Dataset& data) const {
    std::vector<int> all(static_cast<std::size_t>(data.classes));
    std::iota(all.begin(), all.end(), 0);
    if (normal_class_ == "all") return all;
    const auto found = std::ranges::find(data.class_names, normal_class_);
    if (found == data.class_names.end())
      fail("{} has no class {}; it has {}", data.name, normal_class_, fmt::join(data.class_names, ", "));
    return {static_cast<int>(found - data.class_names.begin())};
  }

  // --- New rows ---

  int score_new() {
    if (run_.empty()) fail_usage("--run is missing: the folder that weft anomaly --out wrote");
    const RunDirectory run = RunDirectory::open(run_);
    training::Session session = run.load(machine_.apply(run.config().session));
    Detector detector = training::read_detector(run, session);
    const Dataset data = new_samples(run);
    const Scores scores = detector.score(data);
    std::int64_t flagged = 0;
    for (std::size_t i = 0; i < scores.total.size(); ++i) {
      const bool strange = scores.total[i] > detector.threshold();
      flagged += strange;
      if (!json_) put("{} {:.6g}{}\n", i + 1, scores.total[i], strange ? " anomaly" : "");
    }
    put(stderr, "weft: {} of {} exceed the threshold {:.4g}\n", flagged, data.size(), detector.threshold());
    if (!data.is_table() || json_) print_worst(run, detector, scores.total, data, true);
    if (json_)
      put_json(ordered_json{
          {"data", data.name}, {"threshold", detector.threshold()}, {"flagged", flagged}, {"scores", scores.total}});
    return 0;
  }

  // Scaled as in the run: all rows of a table in order, or test images.
  Dataset new_samples(const RunDirectory& run) const {
    const std::vector<training::Column>& columns = run.config().data.columns;
    if (columns.empty()) {
      training::DataOptions options;
      options.folder = data_;
      return training::load_data(options).test;
    }
    training::Table table = training::read_csv(data_, training::LastColumn::feature);
    if (table.names.size() == columns.size() + 1) table = training::read_csv(data_, training::LastColumn::label);
    return training::to_dataset(training::data_name(data_), table, columns);
  }

  const Catalog& catalog_;
  std::string action_, data_, run_;
  std::string normal_class_ = "all", model_ = "denoising_autoencoder", out_ = "run/anomaly";
  double quantile_ = 0.95;
  std::optional<std::int64_t> steps_;
  std::int64_t seed_ = 1;
  bool json_ = false;
  MachineFlags machine_;
};

}  // namespace

std::unique_ptr<Command> make_anomaly(const Catalog& catalog) { return std::make_unique<Anomaly>(catalog); }

}  // namespace weft::tools
