// weft train: starts a run, or resumes it from its last checkpoint.
#include <algorithm>
#include <filesystem>
#include <vector>

#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/console/interrupt.h"
#include "tools/console/progress.h"
#include "tools/flags/model_flags.h"
#include "tools/flags/run_flags.h"
#include "tools/flags/train_flags.h"
#include "training/pretrain.h"
#include "training/runs/run.h"

namespace weft::tools {

namespace {

namespace fs = std::filesystem;
using training::DatasetSplits;
using training::EpochResult;
using training::Outcome;
using training::RunConfig;
using training::RunDirectory;

class Train final : public Command {
 public:
  explicit Train(const Catalog& catalog) : model_(catalog) {}

  void declare(Flags& flags) override {
    flags.group("Run");
    flags.add("out", out_, "DIR", "Folder of the run [run/MODEL, replacing any run there]");
    flags.add("resume", resume_, "Continue the run in that folder from its last checkpoint");
    flags.add("replace", replace_, "Replace the run in that folder");
    flags.add("epochs", epochs_, 0, fmt::format("Epochs [{}]", training::TrainOptions().epochs));
    flags.add("pretrain-epochs", pretrain_epochs_, 0, "Epochs of pre-training for each layer [0]");
    flags.add("batch", batch_, 1, fmt::format("Images per step [{}]", training::SessionOptions().batch));
    flags.add("seed", seed_, 0, fmt::format("Seed of all random numbers [{}]", training::SessionOptions().seed));
    flags.add("checkpoint-minutes", checkpoint_minutes_, Flags::Range::not_negative,
              fmt::format("Minutes between checkpoints within an epoch; 0: only at its end [{:g}]",
                          training::TrainOptions().checkpoint_minutes));
    flags.add("json", json_, "Print one JSON object as the last line");
    data_.declare(flags);
    optimizer_.declare(flags);
    schedule_.declare(flags);
    flags.add("beta-warmup-epochs", beta_warmup_epochs_, Flags::Range::not_negative,
              "Epochs over which the KL weight beta rises from 0 [0]");
    machine_.declare(flags);
    passes_.declare(flags);
    flags.show_only({"out", "resume", "epochs", "batch", "seed", "data", "lr", "threads"});
    model_.declare(flags);
    flags.footer(
        "Examples:\n"
        "  weft train vae                                   on the built-in digits, into run/vae\n"
        "  weft train simclr --data cifar --epochs 100      on images of a folder `cifar`\n\n"
        "weft models lists the models; weft train MODEL --help adds a model's options, --help-all prints every flag.");
  }

  int run() override {
    if (resume_ && replace_) fail_usage("--resume continues a run and --replace discards it; give only one");
    return resume_ ? resume() : start();
  }

 private:
  // --- A new run ---

  int start() {
    const std::string name = model_.model().name;  // fails early for an unknown model
    RunConfig config;
    apply(config);
    const DatasetSplits data = training::load_data(config.data);
    config.data.columns = data.train.columns;
    Subject subject = model_.build(&data.train);
    config.model = name;
    config.settings = subject.settings;
    check_fits(subject.module, config.train);
    training::check_fits(subject.module, config.session.batch, data);
    config.id = run_id(config, subject.module, {&data.train, &data.validation, &data.test});
    const bool replace = replace_ || !out_;
    const StopSignals signals;  // from here on a stop must keep the run
    const RunDirectory run =
        RunDirectory::create(folder(), std::move(config), std::move(subject.module),
                             replace ? RunDirectory::Existing::replace : RunDirectory::Existing::refuse);
    return train(run, data, false, signals);
  }

  fs::path folder() const { return out_ ? fs::path(*out_) : default_run_folder(model_.model().name); }

  // Fails early if the model does not support the options.
  static void check_fits(const ir::Module& module, const training::TrainOptions& options) {
    if (options.pretrain_epochs > 0) training::check_pretraining(module);
    const auto has_beta = [](const ir::Graph& graph) { return graph.find_input("beta") != ir::kNone; };
    if (options.beta_warmup_epochs > 0 && std::ranges::none_of(module.graphs, has_beta))
      fail("--beta-warmup-epochs is for models whose loss has a weight beta; {} has none", module.name);
  }

  void apply(RunConfig& config) const {
    config.data = data_.apply(config.data);
    if (!training::is_built_in(config.data.folder))
      config.data.folder = fs::absolute(config.data.folder).lexically_normal();
    config.session = passes_.apply(machine_.apply(config.session));
    config.session.optimizer = optimizer_.apply(config.session.optimizer);
    config.session.batch = batch_.value_or(config.session.batch);
    if (seed_) config.session.seed = static_cast<std::uint64_t>(*seed_);
    config.train.schedule = schedule_.apply(config.train.schedule);
    config.train.beta_warmup_epochs = beta_warmup_epochs_.value_or(config.train.beta_warmup_epochs);
    config.train.pretrain_epochs = pretrain_epochs_.value_or(config.train.pretrain_epochs);
    config.train.epochs = epochs_.value_or(config.train.epochs);
    config.train.checkpoint_minutes = checkpoint_minutes_.value_or(config.train.checkpoint_minutes);
    if (config.train.epochs == 0 && config.train.pretrain_epochs == 0)
      fail_usage("--epochs 0 trains nothing; give 1 or more, or --pretrain-epochs");
  }

  // --- Resuming a run ---

  int resume() {
    if (RunDirectory::was_begun(folder())) {
      if (model_.is_named() || !out_) return start();
      fail(
          "the training in {0} was stopped before it wrote its configuration: start it again, with its model and "
          "flags: "
          "weft train MODEL --out {0}",
          folder().string());
    }
    constexpr auto write = RunDirectory::Access::write;
    RunDirectory run = out_ ? RunDirectory::open(*out_, write) : open_default_run(model_.model().name, write);
    RunConfig config = run.config();
    apply(config);
    check_same_run(run, config);
    if (config.train.epochs < run.config().train.epochs && epochs_)
      fail("{} is a run of {} epochs; --epochs can only increase them, not {}", run.path().string(),
           run.config().train.epochs, *epochs_);
    const DatasetSplits data = training::load_data(config.data);
    run.set_config(std::move(config));
    const StopSignals signals;
    return train(run, data, true, signals);
  }

  // A resumed run gives bitwise the same result as an uninterrupted one, so its computation must not change.
  void check_same_run(const RunDirectory& run, const RunConfig& config) const {
    const RunConfig& old = run.config();
    if (model_.is_named() && model_.model().name != old.model)
      fail("{} holds a run of {}, not of {}", run.path().string(), old.model, model_.name());
    RunConfig asked = config;
    for (const auto& [option, value] : model_.given()) asked.settings[option] = value;
    if (const auto change = training::find_change(old, asked))
      fail("the run in {} began with {} = {}, not {}: omit the flag that changes it, or train into another folder",
           run.path().string(), change->field, change->before, change->after);
  }

  // --- Both ---

  int train(const RunDirectory& run, const DatasetSplits& data, bool on, const StopSignals& signals) {
    std::FILE* file = json_ ? stderr : stdout;  // human-readable output
    const RunConfig& config = run.config();
    const bool on_host = memory_of(config.session.backend)->is_host();
    put(file, "{} {} on {}: {} images to train, {} to validate, {} to test; {} backend, {}seed {}\n",
        on ? "resuming" : "training", config.model, data.train.name, grouped(data.train.size()),
        grouped(data.validation.size()), grouped(data.test.size()), config.session.backend,
        on_host ? threads_text(config.session.threads) + ", " : "", config.session.seed);
    std::fflush(file);

    ProgressBar bar(stderr);
    training::RunHooks hooks;
    hooks.stop = &signals.stop_requested();
    hooks.progress = [&](const training::Progress& progress) { bar.show(progress); };
    hooks.epoch = [&](const EpochResult& result) {
      bar.clear();
      print_epoch(file, result, config.train);
    };
    const Outcome outcome = train_run(run, data, on, hooks);
    bar.clear();
    print_outcome(file, run, outcome);
    if (json_) put("{}\n", to_json(config, outcome));
    if (const std::string what = training::nonfinite_of(outcome.test); !what.empty())
      fail("the test after training: {}; try a lower learning rate (it is {:g}) or gradient clipping", what,
           config.session.optimizer.learning_rate);
    return outcome.interrupted ? signals.exit_code() : 0;
  }

  static void print_epoch(std::FILE* file, const EpochResult& result, const training::TrainOptions& options) {
    if (result.layer > 0) put(file, "layer {}, ", result.layer);
    put(file, "epoch {}/{}: {}", result.epoch, result.layer > 0 ? options.pretrain_epochs : options.epochs,
        metrics_text(result.train));
    if (!result.validation.empty()) put(file, "; validation {}", metrics_text(result.validation));
    put(file, "; {} images/s\n", grouped(static_cast<std::int64_t>(result.images_per_second)));
    std::fflush(file);
  }

  static void print_outcome(std::FILE* file, const RunDirectory& run, const Outcome& outcome) {
    if (outcome.interrupted) {
      put(stderr, "weft: stopped after step {}; checkpoint: {}\nweft: resume with: weft train --resume --out {}\n",
          outcome.steps, run.checkpoint_path().string(), run.path().string());
      return;
    }
    put(file, "trained in {}\n", duration_text(outcome.seconds));
    if (!outcome.test.empty()) put(file, "test: {}\n", metrics_text(outcome.test));
    put(file, "pictures: {}\n", fmt::join(pictures_of(run), ", "));
    put(file, "report: {}\n", run.file("report.html").string());
  }

  static std::vector<std::string> pictures_of(const RunDirectory& run) {
    std::vector<std::string> pictures;
    for (const std::string& name : run.files())
      if (name.ends_with(".png")) pictures.push_back(run.file(name).string());
    std::ranges::sort(pictures);
    return pictures;
  }

  ModelFlags model_;
  DataFlags data_;
  OptimizerFlags optimizer_;
  ScheduleFlags schedule_;
  MachineFlags machine_;
  PassFlags passes_;
  std::optional<std::string> out_;
  bool resume_ = false, replace_ = false, json_ = false;
  std::optional<std::int64_t> epochs_, pretrain_epochs_, batch_, seed_;
  std::optional<double> beta_warmup_epochs_, checkpoint_minutes_;
};

}  // namespace

std::unique_ptr<Command> make_train(const Catalog& catalog) { return std::make_unique<Train>(catalog); }

}  // namespace weft::tools
