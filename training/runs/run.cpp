// Trains into a run directory and writes the report.
#include "training/runs/run.h"

#include <chrono>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/error.h"
#include "ir/text/number.h"
#include "training/evaluation/codes.h"
#include "training/metrics.h"
#include "training/pretrain.h"
#include "training/runs/illustrate.h"
#include "training/runs/illustrate_latent.h"
#include "training/runs/illustrate_similarity.h"
#include "training/runs/report.h"
#include "training/stats/unit_statistics.h"

namespace weft::training {

namespace {

constexpr std::string_view kLayerSplit = "pretrain";  // followed by the number of the layer

MetricsRecord record_of(std::uint64_t step, std::int64_t epoch, std::string split, const Metrics& metrics) {
  return {static_cast<std::int64_t>(step), epoch, std::move(split), {metrics.begin(), metrics.end()}};
}

std::string kept_checkpoint(const RunDirectory& run) {
  return run.has_checkpoint() ? fmt::format("; the last good checkpoint is kept: {}", run.checkpoint_path().string())
                              : std::string("; there is no checkpoint yet");
}

}  // namespace

namespace {

// The point from which a run continues.
struct Start {
  Position position;
  std::optional<StoppedLayer> layer;  // the layer in pre-training, if any
};

// Pre-trains the layers that are not finished at `start`. Records the metrics of a layer's epochs at step 0, as the
// split pretrain1, pretrain2, ... Returns whether all layers are finished.
bool pretrain_layers(const RunDirectory& run, Session& session, const DatasetSplits& data, Start& start,
                     MetricsWriter& metrics, const RunHooks& hooks) {
  const TrainOptions& options = run.config().train;
  if (options.pretrain_epochs == 0 || session.steps() > 0) return true;
  Position& position = start.position;
  PretrainHooks pretrain_hooks;
  pretrain_hooks.progress = hooks.progress;
  pretrain_hooks.stop = hooks.stop;
  pretrain_hooks.measured = [&](const EpochResult& result) {
    metrics.append(record_of(0, result.epoch, fmt::format("{}{}", kLayerSplit, result.layer), result.train));
  };
  pretrain_hooks.checkpoint = [&](const Session& layer, const Position& at) {
    run.save(session, position, &layer, at);
  };
  pretrain_hooks.epoch = hooks.epoch;
  pretrain_hooks.finished = [&](std::int64_t layer) {
    position.pretrained = layer;
    run.save(session, position);
  };
  return pretrain(session, data, options, pretrain_hooks, position.pretrained, start.layer);
}

// Whether a record of metrics.jsonl precedes the start. The resumed run writes the others again, including `test`.
bool is_before(const Start& start, std::uint64_t steps, const MetricsRecord& record) {
  if (record.split == "test") return false;
  if (record.split.starts_with(kLayerSplit)) {
    const auto layer = parse_number<std::int64_t>(std::string_view(record.split).substr(kLayerSplit.size()));
    if (!layer || *layer > start.position.pretrained + 1) return false;
    return *layer <= start.position.pretrained || (start.layer && record.epoch <= start.layer->position.epochs_done);
  }
  return record.step <= static_cast<std::int64_t>(steps) && record.epoch <= start.position.epochs_done;
}

}  // namespace

Outcome train_run(const RunDirectory& run, const DatasetSplits& data, bool resume, const RunHooks& hooks) {
  Session session(run.module(), run.config().session);
  Start start;
  const bool goes_on = resume && run.has_checkpoint();  // false if stopped before its first checkpoint
  if (goes_on) start.position = run.restore(session, &start.layer);
  const auto is_kept = [&](const MetricsRecord& record) { return is_before(start, session.steps(), record); };
  MetricsWriter metrics =
      goes_on ? MetricsWriter::resume(run.metrics_path(), is_kept) : MetricsWriter::create(run.metrics_path());

  TrainHooks train_hooks;
  train_hooks.progress = hooks.progress;
  train_hooks.stop = hooks.stop;
  train_hooks.measured = [&](const EpochResult& result) {
    metrics.append(record_of(result.step, result.epoch, "train", result.train));
    if (!result.validation.empty())
      metrics.append(record_of(result.step, result.epoch, "validation", result.validation));
  };
  train_hooks.epoch = hooks.epoch;
  train_hooks.checkpoint = [&](const Position& position) { run.save(session, position); };

  Outcome outcome;
  const auto begin = std::chrono::steady_clock::now();
  try {
    if (!pretrain_layers(run, session, data, start, metrics, hooks)) {
      outcome.interrupted = true;
      return outcome;
    }
    outcome = train(session, data, run.config().train, train_hooks, start.position);
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
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

std::string grouped(std::int64_t number) { return fmt::format("{}", fmt::group_digits(number)); }

Facts facts_of(const RunConfig& config, const Session& session, const DatasetSplits& data) {
  Facts facts{{"model", config.model}};
  for (const auto& [option, value] : config.settings) facts.emplace_back(option, value);
  const passes::OptimizerSpec& optimizer = config.session.optimizer;
  facts.emplace_back("parameters", grouped(session.state().parameters()));
  facts.emplace_back(
      "data", fmt::format("{}: {} training, {} validation and {} test samples", data.train.name,
                          grouped(data.train.size()), grouped(data.validation.size()), grouped(data.test.size())));
  facts.emplace_back("optimizer", fmt::format("{}, learning rate {:g} ({})", name(optimizer.kind),
                                              optimizer.learning_rate, name(config.train.schedule.kind)));
  facts.emplace_back("batch", grouped(config.session.batch));
  facts.emplace_back("epochs", grouped(config.train.epochs));
  facts.emplace_back("seed", fmt::format("{}", config.session.seed));
  return facts;
}

// The last record of each split.
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
  report.table("Means over the samples of each split, last epoch", header, rows);
}

using AddPicture = std::function<void(const char* file, const char* caption, const Canvas& picture)>;

// Pictures of what the entries compute on images.
void add_pictures(const AddPicture& add, Session& session, const Dataset& shown) {
  const ImageShape shape = image_shape(shown);
  const bool decodes = session.has("encode") && session.has("decode");
  if (session.has("augment"))
    add("views.png", "Images of the data and random views of them, as in training", picture_views(session, shown));
  if (is_contrastive(session))
    add("similarity.png", "Similarities of two views of each of some test images; framed: views of the same image",
        picture_similarity(session, shown));
  if (session.has("reconstruct"))
    add("reconstructions.png", "Test images and their reconstructions", picture_reconstructions(session, shown));
  if (is_generative(session))
    add("samples.png", "Samples from the prior", picture_samples(session, shape, session.options().seed));
  const auto pairs = neighbouring_pairs(shown);
  if (decodes && !pairs.empty())
    add("interpolation.png", "Interpolations between test images, in latent space and in pixels",
        picture_interpolations(session, shown, pairs, Path::linear));
  if (const std::optional<Canvas> filters = picture_filters(session, shape))
    add("filters.png", "The filters of the first layer of the encoder", *filters);
}

Facts facts_of(const LatentStatistics& statistics) {
  Facts facts{{"units", fmt::format("{}", statistics.units.size())}};
  if (!statistics.has_posterior) return facts;
  facts.emplace_back("active units", fmt::format("{}", statistics.active()));
  facts.emplace_back("KL to the prior", fmt::format("{:.3f} nats", statistics.kl()));
  if (const std::string warning = statistics.collapse_warning(); !warning.empty())
    facts.emplace_back("warning", warning);
  return facts;
}

void add_latent(Report& report, const AddPicture& add, Session& session, const Dataset& shown) {
  const Codes codes = encode(session, shown);
  const LatentStatistics statistics =
      latent_statistics(codes.latent.as<float>(), codes.logvar.as<float>(), codes.dims());
  report.section("Latent space").facts(facts_of(statistics));
  add("latent.png", "Codes of the test samples by class", picture_latent(codes, shown));
  add("units.png",
      statistics.has_posterior ? "Each unit over the test samples, and the density of its prior"
                               : "Each unit over the test samples, and a normal density",
      picture_units(codes, statistics, session.options().seed));
  if (session.has("decode") && !shown.is_table())
    add("traversals.png", "Each unit of the code of the first test image, varied from low to high",
        picture_traversals(session, statistics, codes.row(0), image_shape(shown)));
}

}  // namespace

void write_report(const RunDirectory& run, Session& session, const DatasetSplits& data) {
  constexpr std::int64_t most_shown = 5'000;
  Report report(fmt::format("{} on {}", run.config().model, data.train.name));
  const AddPicture add_picture = [&](const char* file, const char* caption, const Canvas& picture) {
    const std::string png = picture.png();
    run.write(file, png);
    report.picture(caption, picture.has_images() ? png : picture.svg());
  };
  const std::vector<MetricsRecord> records = read_metrics(run.metrics_path());
  if (!records.empty()) {
    report.section("Results");
    add_results(report, records);
    add_picture("loss.png", "By epoch, on the training and validation samples", picture_curves(records));
  }
  const Dataset shown = first_of(data.test.size() > 0 ? data.test : data.train, most_shown);
  if (!shown.is_table()) {
    report.section("Pictures");
    add_pictures(add_picture, session, shown);
  }
  if (session.has("encode")) add_latent(report, add_picture, session, shown);
  report.section("Settings").facts(facts_of(run.config(), session, data));
  run.write("report.html", report.html());
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
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace weft::training
