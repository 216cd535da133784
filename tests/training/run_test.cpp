// Runs: what one leaves behind, and going on with it from any moment.
#include "training/runs/run.h"

#include <doctest/doctest.h>

#include <atomic>
#include <optional>

#include "ir/text/print.h"
#include "runtime/safetensors.h"
#include "tests/support/small_models.h"
#include "tests/support/temp_folder.h"
#include "tests/training/run_folders.h"
#include "training/metrics.h"

using namespace weft;
using namespace weft::training;
using namespace weft::test;

TEST_CASE("a run leaves all its files, and can be opened and used") {
  const test::TempFolder folder;
  const DatasetSplits data = few_digits(64, 20, 30);
  const RunDirectory run = RunDirectory::create(folder / "run", config_of(make_vae(), 2), make_vae());
  const Outcome outcome = train_run(run, data, false);
  for (const char* name : {"config.json", "model.weft", "metrics.jsonl", "checkpoint.safetensors", "loss.png",
                           "reconstructions.png", "samples.png", "latent.png", "report.html"})
    CHECK_MESSAGE(std::filesystem::file_size(run.file(name)) > 0, name);
  // Results first, settings last, charts as shapes.
  const std::string report = runtime::read_file(run.file("report.html"));
  CHECK(report.find("<h2>Results") < report.find("<h2>Pictures"));
  CHECK(report.find("<h2>Latent space") < report.find("<h2>Settings"));
  CHECK(test::contains(report, "data:image/svg+xml"));

  const RunDirectory opened = RunDirectory::open(folder / "run");
  CHECK(opened.config().settings == run.config().settings);
  CHECK(opened.config().session.optimizer.learning_rate == run.config().session.optimizer.learning_rate);
  CHECK(opened.config().data == run.config().data);
  CHECK(ir::print(opened.module()) == ir::print(run.module()));
  Session session = opened.load();
  CHECK(session.evaluate(data.test) == outcome.test);

  const std::vector<MetricsRecord> records = read_metrics(opened.metrics_path());
  REQUIRE(records.size() == 5);  // train and validation of two epochs, and the test
  CHECK(records.back().split == "test");
  CHECK(records.back().values.at("loss") == doctest::Approx(metric_of(outcome.test, "loss")));
  CHECK(test::contains(to_json(run.config(), outcome), R"("model":"small_vae","epochs":2,"steps":4,"seed":1)"));
}

TEST_CASE("a run goes on where it was stopped, and its metrics with it") {
  const test::TempFolder folder;
  const DatasetSplits data = few_digits(64, 20, 30);
  const RunDirectory whole = RunDirectory::create(folder / "whole", config_of(make_vae(), 3), make_vae());
  const Outcome expected = train_run(whole, data, false);

  std::optional<RunDirectory> run = RunDirectory::create(folder / "run", config_of(make_vae(), 3), make_vae());
  std::atomic<bool> stop = false;
  RunHooks hooks;
  hooks.stop = &stop;
  hooks.progress = [&](const Progress& progress) { stop = progress.step == 3; };
  CHECK(train_run(*run, data, false, hooks).interrupted);
  run = RunDirectory::open(folder / "run");
  CHECK_THROWS_AS(train_run(*run, data, true), InternalError);  // it was opened to look at
  run = open_to_write(folder / "run");
  CHECK(train_run(*run, data, true).test == expected.test);
  CHECK(files_of(folder / "run") == files_of(folder / "whole"));
  // A finished run that is resumed measures again, and records the same.
  CHECK(train_run(*run, data, true).test == expected.test);
  CHECK(files_of(folder / "run") == files_of(folder / "whole"));
}

// The run is copied at each checkpoint and epoch, as a kill at that moment would leave it, and goes on from there.
void check_resumes_everywhere(const RunConfig& config, const ir::Module& module, const DatasetSplits& data,
                              std::size_t least) {
  const test::TempFolder folder;
  RunConfig often = config;
  often.train.checkpoint_minutes = 1e-9;  // after every step
  train_run(RunDirectory::create(folder / "whole", config, module), data, false);

  std::size_t copies = 0;
  const auto copy = [&] { fs::copy(folder / "run", folder / std::to_string(copies++), fs::copy_options::recursive); };
  RunHooks hooks;
  hooks.progress = [&](const Progress&) { copy(); };
  hooks.epoch = [&](const EpochResult&) { copy(); };
  train_run(RunDirectory::create(folder / "run", often, module), data, false, hooks);
  CHECK(files_of(folder / "run") == files_of(folder / "whole"));
  CHECK(copies >= least);
  for (std::size_t i = 0; i < copies; ++i) {
    CAPTURE(i);
    const fs::path path = folder / std::to_string(i);
    train_run(open_to_write(path), data, true);
    CHECK(files_of(path) == files_of(folder / "whole"));
  }
}

TEST_CASE("a run goes on from any moment, bitwise the run that was not stopped, checkpoint and metrics") {
  check_resumes_everywhere(config_of(make_vae(), 2), make_vae(), few_digits(100, 20, 30), 10);
}

TEST_CASE("an epoch's checkpoint is there before its line") {
  const test::TempFolder folder;
  const RunDirectory run = RunDirectory::create(folder / "run", config_of(make_vae(), 2), make_vae());
  RunHooks hooks;
  std::int64_t epochs = 0;
  hooks.epoch = [&](const EpochResult& result) {
    CHECK(run.read_checkpoint().metadata.at("epoch") == std::to_string(result.epoch));
    ++epochs;
  };
  train_run(run, few_digits(64), false, hooks);
  CHECK(epochs == 2);
}

TEST_CASE("a run that was stopped before its first checkpoint goes on from its start") {
  const test::TempFolder folder;
  const DatasetSplits data = few_digits(64, 20, 30);
  train_run(RunDirectory::create(folder / "whole", config_of(make_vae(), 1), make_vae()), data, false);
  RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae());
  SUBCASE("with its config written") {}
  SUBCASE("as its first epoch was recorded") {
    folder.write("run/metrics.jsonl", R"({"step":2,"epoch":1,"split":"train","loss":1})"
                                      "\n{\"st");
  }
  SUBCASE("with the file of a checkpoint half written") {
    folder.write("run/.checkpoint.safetensors.tmp-999999-3", "x");
  }
  train_run(open_to_write(folder / "run"), data, true);
  CHECK(files_of(folder / "run") == files_of(folder / "whole"));
  CHECK(names_in(folder / "run") == names_in(folder / "whole"));
}

TEST_CASE("a run that diverges keeps its last good checkpoint") {
  const test::TempFolder folder;
  const DatasetSplits data = few_digits(64, 0, 10);
  RunDirectory first_run = RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae());
  train_run(first_run, data, false);
  const runtime::TensorFile good = runtime::read_safetensors(first_run.checkpoint_path());

  RunConfig config = first_run.config();
  config.train.epochs = 3;
  config.session.optimizer.learning_rate = 1e30;
  first_run.set_config(config);
  const RunDirectory& run = first_run;
  CHECK_ERROR(train_run(run, data, true), "the last good checkpoint is kept: " + run.checkpoint_path().string());
  CHECK(runtime::read_safetensors(run.checkpoint_path()).tensors == good.tensors);
}

TEST_CASE("a full disk ends training with one error and the last checkpoint whole") {
  const test::TempFolder folder;
  const DatasetSplits data = few_digits(64);
  const RunDirectory run = RunDirectory::create(folder / "run", config_of(make_vae(), 2), make_vae());
  std::optional<test::FileSizeLimit> full;
  RunHooks hooks;
  hooks.progress = [&](const Progress& progress) {
    if (progress.epoch == 2) full.emplace(4096);
  };
  CHECK_ERROR(train_run(run, data, false, hooks), run.checkpoint_path().string());
  full.reset();
  Session session(make_vae(), reference_options());
  CHECK(run.restore(session).epochs_done == 1);
  CHECK(session.steps() == 2);
}
