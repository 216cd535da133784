// Training into a run directory, and its report.
#include "training/run.h"

#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "ir/error.h"
#include "runtime/atomic_file.h"
#include "training/illustrate.h"
#include "training/metrics.h"
#include "training/report.h"

namespace weft::training {

namespace {

MetricsRecord record_of(std::uint64_t step, std::int64_t epoch, const char* split, const Metrics& metrics) {
  return {static_cast<std::int64_t>(step), epoch, split, {metrics.begin(), metrics.end()}};
}

std::string kept_checkpoint(const RunDirectory& run) {
  return run.has_checkpoint() ? fmt::format("; the last good checkpoint is kept: {}", run.checkpoint_path().string())
                              : std::string("; there is no checkpoint yet");
}

}  // namespace

Outcome train_run(const RunDirectory& run, const DatasetSplits& data, bool resume, const RunHooks& hooks) {
  Session session(run.module(), run.config().session);
  const Position start = resume ? run.restore(session) : Position{};
  MetricsWriter metrics = resume ? MetricsWriter::resume(run.metrics_path(), static_cast<std::int64_t>(session.steps()))
                                 : MetricsWriter::create(run.metrics_path());

  TrainHooks train_hooks;
  train_hooks.progress = hooks.progress;
  train_hooks.stop = hooks.stop;
  train_hooks.epoch = [&](const EpochResult& result) {
    metrics.append(record_of(result.step, result.epoch, "train", result.train));
    if (!result.validation.empty())
      metrics.append(record_of(result.step, result.epoch, "validation", result.validation));
    if (hooks.epoch) hooks.epoch(result);
  };
  train_hooks.checkpoint = [&](const Position& position) { run.save(session, position); };

  Outcome outcome;
  try {
    outcome = train(session, data, run.config().train, train_hooks, start);
  } catch (const Diverged& diverged) {
    throw Diverged(diverged.what() + kept_checkpoint(run));
  }
  if (outcome.interrupted) return outcome;
  if (!outcome.test.empty()) metrics.append(record_of(outcome.steps, outcome.epochs, "test", outcome.test));
  write_report(run, session, data);
  return outcome;
}

// --- The report ----------------------------------------------------------------------------------------------------

namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

Facts facts_of(const RunConfig& config, const Session& session, const DatasetSplits& data) {
  Facts facts{{"model", config.model}};
  for (const auto& [option, value] : config.settings) facts.emplace_back(option, value);
  const passes::OptimizerSpec& optimizer = config.session.optimizer;
  facts.emplace_back("parameters", fmt::format("{}", session.state().parameters()));
  facts.emplace_back("data", fmt::format("{}: {} to train, {} to validate, {} to test", data.train.name,
                                         data.train.size(), data.validation.size(), data.test.size()));
  facts.emplace_back("optimizer", fmt::format("{}, learning rate {:g} ({})", name(optimizer.kind),
                                              optimizer.learning_rate, name(config.train.schedule.kind)));
  facts.emplace_back("batch", fmt::format("{}", config.session.batch));
  facts.emplace_back("epochs", fmt::format("{}", config.train.epochs));
  facts.emplace_back("seed", fmt::format("{}", config.session.seed));
  return facts;
}

// The last record of each split: what the run came to.
void add_results(Report& report, const std::vector<MetricsRecord>& records) {
  std::map<std::string, MetricsRecord> last;
  for (const MetricsRecord& record : records) last[record.split] = record;
  std::vector<std::string> header{"split", "epoch"};
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : last.begin()->second.values) header.push_back(name);
  for (const char* split : {"train", "validation", "test"}) {
    const auto found = last.find(split);
    if (found == last.end()) continue;
    std::vector<std::string> row{split, fmt::format("{}", found->second.epoch)};
    for (std::size_t i = 2; i < header.size(); ++i) {
      const auto value = found->second.values.find(header[i]);
      row.push_back(value == found->second.values.end() ? "" : fmt::format("{:.4f}", value->second));
    }
    rows.push_back(std::move(row));
  }
  report.table("Means over the images of each split, last epoch", header, rows);
}

}  // namespace

void write_report(const RunDirectory& run, Session& session, const DatasetSplits& data) {
  Report report(fmt::format("{} on {}", run.config().model, data.train.name));
  report.section("Run").facts(facts_of(run.config(), session, data));
  const auto add_picture = [&](const char* file, const char* caption, const Picture& picture) {
    const std::string png = encode_png(picture);
    runtime::write_file(run.file(file), png);
    report.picture(caption, png);
  };
  const std::vector<MetricsRecord> records = read_metrics(run.metrics_path());
  if (!records.empty()) {
    report.section("Results");
    add_results(report, records);
    add_picture("loss.png", "Loss by epoch", picture_curves(records));
  }
  report.section("Pictures");
  const Dataset& shown = data.test.size() > 0 ? data.test : data.train;
  if (session.has("reconstruct"))
    add_picture("reconstructions.png", "Test images and their reconstructions",
                picture_reconstructions(session, shown));
  if (is_generative(session))
    add_picture("samples.png", "Samples from the prior",
                picture_samples(session, image_shape(shown), session.options().seed));
  if (session.has("encode"))
    add_picture("latent.png", "Codes of the test images by class", picture_latent(session, shown));
  report.write(run.file("report.html"));
}

std::string to_json(const RunConfig& config, const Outcome& outcome) {
  nlohmann::ordered_json json{{"model", config.model},
                              {"epochs", outcome.epochs},
                              {"steps", outcome.steps},
                              {"seed", config.session.seed},
                              {"seconds", outcome.seconds},
                              {"images_per_second", outcome.images_per_second},
                              {"test", nlohmann::ordered_json::object()}};
  for (const auto& [name, value] : outcome.test) json["test"][name] = value;
  if (outcome.interrupted) json["interrupted"] = true;
  return json.dump();
}

}  // namespace weft::training
