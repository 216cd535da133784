// Run directories: what a run leaves behind, going on with it, and what is no run.
#include "training/run.h"

#include <doctest/doctest.h>

#include <atomic>
#include <optional>

#include "ir/print.h"
#include "runtime/atomic_file.h"
#include "runtime/safetensors.h"
#include "tests/unit/small_models.h"
#include "tests/unit/temp_folder.h"
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

  const RunDirectory run = RunDirectory::create(folder / "run", config_of(make_vae(), 3), make_vae());
  std::atomic<bool> stop = false;
  RunHooks hooks;
  hooks.stop = &stop;
  hooks.progress = [&](const Progress& progress) { stop = progress.step == 3; };
  CHECK(train_run(run, data, false, hooks).interrupted);
  const Outcome outcome = train_run(RunDirectory::open(folder / "run"), data, true);
  CHECK(outcome.test == expected.test);
  CHECK(read_metrics(run.metrics_path()) == read_metrics(whole.metrics_path()));
  CHECK(runtime::read_safetensors(run.checkpoint_path()).tensors ==
        runtime::read_safetensors(whole.checkpoint_path()).tensors);
}

TEST_CASE("a run that diverges keeps its last good checkpoint") {
  const test::TempFolder folder;
  const DatasetSplits data = few_digits(64, 0, 10);
  const RunDirectory first_run = RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae());
  train_run(first_run, data, false);
  const runtime::TensorFile good = runtime::read_safetensors(first_run.checkpoint_path());

  RunConfig config = config_of(make_vae(), 3);
  config.session.optimizer.learning_rate = 1e30;
  write_config(first_run.file("config.json"), config);
  const RunDirectory run = RunDirectory::open(folder / "run");
  CHECK_ERROR(train_run(run, data, true), "the last good checkpoint is kept: " + run.checkpoint_path().string());
  CHECK(runtime::read_safetensors(run.checkpoint_path()).tensors == good.tensors);
}

TEST_CASE("a run keeps the switches of its compiler, and one of before they came has their defaults") {
  const test::TempFolder folder;
  RunConfig config = config_of(make_vae(), 1);
  config.session.winograd = config.session.contrastive = false;
  config.session.precision = Precision::bf16;
  const RunDirectory run = RunDirectory::create(folder / "run", config, make_vae());
  const auto session = [&] { return RunDirectory::open(folder / "run").config().session; };
  CHECK_FALSE(session().winograd);
  CHECK_FALSE(session().contrastive);
  CHECK(session().precision == Precision::bf16);

  std::string text = runtime::read_file(run.file("config.json"));
  for (const std::string name : {"winograd", "contrastive", "precision"}) {
    const std::size_t line = text.find("\"" + name);
    REQUIRE(line != std::string::npos);
    const std::size_t before = text.rfind(',', line), end = text.find_first_of(",\n", line);
    text.erase(before, end - before);
  }
  folder.write("run/config.json", text);
  CHECK(session().winograd);
  CHECK(session().contrastive);
  CHECK(session().precision == Precision::f32);
}

TEST_CASE("a folder that cannot be written, or holds a run, is refused before training") {
  const test::TempFolder folder;
  folder.write("file", "not a folder");
  CHECK_ERROR(RunDirectory::create(folder / "file/run", config_of(make_vae(), 1), make_vae()),
              "cannot make the folder");
  CHECK_ERROR(RunDirectory::create(folder / "file", config_of(make_vae(), 1), make_vae()),
              "choose another output folder");
  RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae());
  CHECK_ERROR(RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae()), "holds a run already");
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

TEST_CASE("what is no run, or is damaged, is said to be") {
  const test::TempFolder folder;
  CHECK_ERROR(RunDirectory::open(folder / "nowhere"), "no such folder");
  CHECK_ERROR(RunDirectory::open(folder.path()), "it lacks config.json");
  const RunDirectory run = RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae());
  CHECK_ERROR(run.load(), "holds no checkpoint yet");
  const std::string config = runtime::read_file(run.file("config.json"));
  folder.write("run/config.json", config.substr(0, config.size() / 2));
  CHECK_ERROR(RunDirectory::open(folder / "run"), "not the configuration of a run");
  folder.write("run/config.json", R"({"model": "vae", "settings": {}})");
  CHECK_ERROR(RunDirectory::open(folder / "run"), "part 'data' is missing");
  folder.write("run/config.json", config);
  folder.write("run/model.weft", "weft");
  CHECK_ERROR(RunDirectory::open(folder / "run"), "model.weft");
}
