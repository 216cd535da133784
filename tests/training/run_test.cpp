// Run directories: what a run leaves behind, going on with it, and what is no run.
#include "training/runs/run.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "ir/text/print.h"
#include "runtime/atomic_file.h"
#include "runtime/safetensors.h"
#include "tests/support/small_models.h"
#include "tests/support/temp_folder.h"
#include "training/metrics.h"

using namespace weft;
using namespace weft::training;
using namespace weft::test;

namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

RunDirectory open_to_write(const fs::path& path) { return RunDirectory::open(path, RunDirectory::Access::write); }

// What two runs have in common that compute the same.
std::pair<std::string, std::string> files_of(const fs::path& run) {
  return {runtime::read_file(run / "checkpoint.safetensors"), runtime::read_file(run / "metrics.jsonl")};
}

Names names_in(const fs::path& folder) {
  Names names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

}  // namespace

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

TEST_CASE("what a training leaves that was stopped before its config is made anew") {
  const test::TempFolder folder;
  fs::create_directory(folder / "run");
  const auto begin = [&] { CHECK(RunDirectory::was_begun(folder / "run")); };
  begin();  // folder made
  folder.write("run/.lock", "");
  begin();
  folder.write("run/.lock", "999999 nowhere\n");
  begin();
  folder.write("run/.files", "config.json\nmodel.weft\nhalf");
  begin();
  folder.write("run/model.weft", "half a mod");
  begin();
  RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae());
  CHECK_FALSE(RunDirectory::was_begun(folder / "run"));
  CHECK(ir::print(RunDirectory::open(folder / "run").module()) == ir::print(make_vae()));
  CHECK_FALSE(RunDirectory::was_begun(folder / "missing"));
  folder.write("holiday.png", "x");
  CHECK_FALSE(RunDirectory::was_begun(folder.path()));
}

// --- Two at once -----------------------------------------------------------------------------------------------------

TEST_CASE("one process at a time writes a run, and any number look at it") {
  const test::TempFolder folder;
  const DatasetSplits data = few_digits(64);
  std::optional<RunDirectory> run = RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae());
  const std::string process = fmt::format("is in use: process {} on ", ::getpid());
  CHECK_ERROR(RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae()), process);
  CHECK_ERROR(
      RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae(), RunDirectory::Existing::replace),
      process);
  CHECK_ERROR(open_to_write(folder / "run"), process);
  train_run(*run, data, false);
  Session session = RunDirectory::open(folder / "run").load();
  write_report(RunDirectory::open(folder / "run"), session, data);
  run.reset();
  CHECK_FALSE(fs::exists(folder / "run/.lock"));
  open_to_write(folder / "run");
}

TEST_CASE("the lock of a process that was killed is none") {
  const test::TempFolder folder;
  RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae());
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const RunLock lock(folder / "run");
    if (::write(ready[1], "x", 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK_ERROR(open_to_write(folder / "run"), fmt::format("process {} on ", child));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  for (const int descriptor : ready) ::close(descriptor);
  CHECK(fs::exists(folder / "run/.lock"));
  open_to_write(folder / "run");
}

TEST_CASE("a training whose folder was replaced writes nothing into the new one") {
  const test::TempFolder folder;
  const DatasetSplits data = few_digits(64);
  const RunConfig config = config_of(make_vae(), 2);
  std::optional<RunDirectory> run = RunDirectory::create(folder / "run", config, make_vae());
  std::optional<RunDirectory> other;
  RunHooks hooks;
  hooks.progress = [&](const Progress& progress) {
    if (progress.step != 1) return;
    fs::remove_all(folder / "run");
    other = RunDirectory::create(folder / "run", config, make_vae());
  };
  CHECK_ERROR(train_run(*run, data, false, hooks), "was removed or replaced by another process");
  CHECK_FALSE(other->has_checkpoint());
  run.reset();  // takes its own lock along, not the other's
  CHECK_ERROR(open_to_write(folder / "run"), "is in use");
}

TEST_CASE("what stands in the place of a lock is not followed and not emptied") {
  const test::TempFolder folder;
  const fs::path mine = folder.write("mine", "my text");
  fs::create_directory(folder / "run");
  fs::create_symlink(mine, folder / "run/.lock");
  CHECK_ERROR(RunLock(folder / "run"), "is a symbolic link");
  fs::remove(folder / "run/.lock");
  fs::create_hard_link(mine, folder / "run/.lock");
  CHECK_ERROR(RunLock(folder / "run"), "a hard link");
  CHECK(runtime::read_file(mine) == "my text");
}

// --- Which files are whose
// ---------------------------------------------------------------------------------------------

TEST_CASE("the id of a run is what it computes, and its checkpoint names it") {
  const DatasetSplits data = few_digits(64), other_data = few_digits(65);
  const RunConfig config = config_of(make_vae(), 1);
  const auto id = [&](const RunConfig& of, const ir::Module& module, const DatasetSplits& on) {
    return run_id(of, module, {&on.train, &on.validation, &on.test});
  };
  const std::string first = id(config, make_vae(), data);
  CHECK(first.size() == 16);
  RunConfig same = config;
  same.train.epochs = 7;
  same.train.checkpoint_minutes = 0;
  same.session.threads = 3;
  same.data.folder = "elsewhere";
  same.id = "anything";
  CHECK(id(same, make_vae(), data) == first);
  RunConfig other = config;
  other.session.seed = 2;
  CHECK(id(other, make_vae(), data) != first);
  other = config;
  other.session.optimizer.learning_rate *= 2;
  CHECK(id(other, make_vae(), data) != first);
  other = config;
  other.train.schedule.warmup_epochs = 1;
  CHECK(id(other, make_vae(), data) != first);
  CHECK(id(config, make_vae(9), data) != first);
  CHECK(id(config, make_vae(), other_data) != first);

  const test::TempFolder folder;
  train_run(RunDirectory::create(folder / "one", config, make_vae()), data, false);
  train_run(RunDirectory::create(folder / "again", config, make_vae()), data, false);
  CHECK(files_of(folder / "one") == files_of(folder / "again"));
  train_run(RunDirectory::create(folder / "two", other, make_vae()), data, false);
  fs::copy_file(folder / "two/checkpoint.safetensors", folder / "one/checkpoint.safetensors",
                fs::copy_options::overwrite_existing);
  CHECK_ERROR(RunDirectory::open(folder / "one").load(), "files of two runs");
  CHECK_ERROR(train_run(open_to_write(folder / "one"), data, true), "files of two runs");
}

TEST_CASE("a bit that flipped in a checkpoint is named by its tensor") {
  const test::TempFolder folder;
  train_run(RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae()), few_digits(64), false);
  std::string whole = runtime::read_file(folder / "run/checkpoint.safetensors");
  whole.back() = static_cast<char>(whole.back() ^ 1);
  folder.write("run/checkpoint.safetensors", whole);
  CHECK_ERROR(RunDirectory::open(folder / "run").load(), "is not what was written (its checksum differs)");
}

TEST_CASE("a run of before there were ids, lists and locks is opened, gone on with and replaced") {
  const test::TempFolder folder;
  const DatasetSplits data = few_digits(64);
  train_run(RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae()), data, false);
  std::string config = runtime::read_file(folder / "run/config.json");
  const std::size_t begin = config.find("  \"run\"");
  config.erase(begin, config.find('\n', begin) + 1 - begin);
  const std::size_t minutes = config.find(",\n    \"checkpoint_minutes\"");
  config.erase(minutes, config.find('\n', minutes + 2) - minutes);
  folder.write("run/config.json", config);
  runtime::TensorFile file = runtime::read_safetensors(folder / "run/checkpoint.safetensors");
  CHECK(file.metadata.erase("run") == 1);
  runtime::write_safetensors(folder / "run/checkpoint.safetensors", file.tensors, file.metadata);
  fs::remove(folder / "run/.files");
  folder.write("run/holiday.png", "mine");

  RunConfig longer = RunDirectory::open(folder / "run").config();
  CHECK(longer.id.empty());
  CHECK(longer.train.checkpoint_minutes == 5);
  longer.train.epochs = 2;
  {
    RunDirectory run = open_to_write(folder / "run");
    run.set_config(longer);
    CHECK(train_run(run, data, true).steps == 4);
  }
  CHECK(RunDirectory::open(folder / "run").load().steps() == 0);
  RunDirectory::create(folder / "run", longer, make_vae(), RunDirectory::Existing::replace);
  CHECK(names_in(folder / "run") == Names{".files", "config.json", "holiday.png", "model.weft"});
}

TEST_CASE("--replace removes what the run wrote, and nothing that its user put there") {
  const test::TempFolder folder;
  const DatasetSplits data = few_digits(64);
  const RunConfig config = config_of(make_vae(), 1);
  train_run(RunDirectory::create(folder / "run", config, make_vae()), data, false);
  RunDirectory::open(folder / "run").write("codes.npy", "codes");
  for (const char* name : {"holiday.png", "plane.png", "notes.txt", ".hidden"})
    folder.write(fmt::format("run/{}", name), "x");
  fs::create_directory(folder / "run/maps.png");
  folder.write("secret", "x");
  folder.write("run/.files",
               runtime::read_file(folder / "run/.files") + "../secret\n/etc/hostname\n.\n..\n\nmaps.png\n");
  const std::vector<std::string> files = RunDirectory::open(folder / "run").files();
  CHECK(std::ranges::count(files, "codes.npy") == 1);
  CHECK(std::ranges::count(files, "holiday.png") == 0);
  const RunDirectory run = RunDirectory::create(folder / "run", config, make_vae(), RunDirectory::Existing::replace);
  CHECK(names_in(folder / "run") == Names{".files", ".hidden", ".lock", "config.json", "holiday.png", "maps.png",
                                          "model.weft", "notes.txt", "plane.png"});
  CHECK(fs::exists(folder / "secret"));
}

TEST_CASE("a replacing that was killed leaves nothing of the old run for the new one") {
  const test::TempFolder folder;
  const DatasetSplits data = few_digits(64);
  const RunConfig config = config_of(make_vae(), 1);
  train_run(RunDirectory::create(folder / "run", config, make_vae()), data, false);
  fs::remove(folder / "run/config.json");  // what is removed first
  SUBCASE("with the list") {}
  SUBCASE("of an old run, without one") { fs::remove(folder / "run/.files"); }
  RunDirectory::create(folder / "run", config, make_vae());
  CHECK_FALSE(RunDirectory::open(folder / "run").has_checkpoint());
}

TEST_CASE("a symbolic link in a run folder is replaced, and what it points to stays as it was") {
  const test::TempFolder folder;
  const DatasetSplits data = few_digits(64, 0, 10);
  fs::create_directories(folder / "elsewhere");
  fs::create_directory_symlink(folder / "elsewhere", folder / "run");  // the user's own way to the folder
  const Names names = {"config.json", "model.weft",  "metrics.jsonl", "checkpoint.safetensors",
                       "loss.png",    "report.html", "samples.png",   "reconstructions.png"};
  for (const std::string& name : names) {
    folder.write("mine-" + name, name);
    fs::create_symlink(folder / ("mine-" + name), folder / "run" / name);
  }
  CHECK_ERROR(RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae()), "holds a run already");
  train_run(RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae(), RunDirectory::Existing::replace),
            data, false);
  for (const std::string& name : names) {
    CAPTURE(name);
    CHECK(fs::is_regular_file(fs::symlink_status(folder / "elsewhere" / name)));
    CHECK(runtime::read_file(folder / ("mine-" + name)) == name);
  }
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
