// Run directories: whose files they hold, one writer at a time, and what is no run.
#include "training/runs/run_directory.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "ir/text/print.h"
#include "runtime/safetensors.h"
#include "tests/support/small_models.h"
#include "tests/support/temp_folder.h"
#include "tests/training/run_folders.h"
#include "training/runs/report.h"
#include "training/runs/run.h"

using namespace weft;
using namespace weft::training;
using namespace weft::test;

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
  CHECK_ERROR(train_run(*run, data, false, hooks), "another process removed or replaced the folder");
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

TEST_CASE("a folder that cannot be written, or holds a run, is refused before training") {
  const test::TempFolder folder;
  folder.write("file", "not a folder");
  CHECK_ERROR(RunDirectory::create(folder / "file/run", config_of(make_vae(), 1), make_vae()),
              "cannot create the folder");
  CHECK_ERROR(RunDirectory::create(folder / "file", config_of(make_vae(), 1), make_vae()),
              "choose another output folder");
  RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae());
  CHECK_ERROR(RunDirectory::create(folder / "run", config_of(make_vae(), 1), make_vae()), "holds a run already");
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
