// The configuration of a run: its file, its id, and what may change on a resume.
#include "training/runs/config.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/small_models.h"
#include "tests/support/temp_folder.h"
#include "tests/training/run_folders.h"
#include "training/runs/run.h"

using namespace weft;
using namespace weft::training;
using namespace weft::test;

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
  CHECK_ERROR(RunDirectory::open(folder / "one").load(), "if a run is being replaced, try again");
  CHECK_ERROR(train_run(open_to_write(folder / "one"), data, true), "if a run is being replaced, try again");
}

TEST_CASE("a run keeps the switches of its compiler, and one of before they came has their defaults") {
  const test::TempFolder folder;
  RunConfig config = config_of(make_vae(), 1);
  config.session.winograd = config.session.contrastive = false;
  config.session.precision = Precision::bf16;
  config.session.contractions = Contractions::generated;
  const RunDirectory run = RunDirectory::create(folder / "run", config, make_vae());
  const auto session = [&] { return RunDirectory::open(folder / "run").config().session; };
  CHECK_FALSE(session().winograd);
  CHECK_FALSE(session().contrastive);
  CHECK(session().precision == Precision::bf16);
  CHECK(session().contractions == Contractions::generated);

  std::string text = runtime::read_file(run.file("config.json"));
  for (const std::string name : {"winograd", "contrastive", "precision", "contractions"}) {
    const std::size_t line = text.find("\"" + name);
    REQUIRE(line != std::string::npos);
    const std::size_t before = text.rfind(',', line), end = text.find_first_of(",\n", line);
    text.erase(before, end - before);
  }
  folder.write("run/config.json", text);
  CHECK(session().winograd);
  CHECK(session().contrastive);
  CHECK(session().precision == Precision::f32);
  CHECK(session().contractions == Contractions::onednn);
}

namespace {

// Another value of the same kind; of what is chosen from a list, another of these.
nlohmann::ordered_json other_value(const nlohmann::ordered_json& value) {
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_number_integer()) return value.get<std::int64_t>() + 1;
  if (value.is_number()) return value.get<double>() + 1;
  if (value.is_null()) return 1;
  for (const auto& [from, to] : {std::pair("adam", "sgd"), {"constant", "cosine"}, {"f32", "bf16"}, {"auto", "onednn"}})
    if (value == from) return to;
  return value.get<std::string>() + "x";
}

}  // namespace

TEST_CASE("every field of config.json that changes the result is found where it changed, and no other") {
  const std::set<std::string> free = {
      "/weft", "/run", "/data/folder", "/session/threads", "/train/epochs", "/train/checkpoint_minutes"};
  const test::TempFolder folder;
  RunConfig config = config_of(make_vae(), 1);
  config.id = "0123456789abcdef";
  config.settings = {{"hidden", "6"}};
  config.data.columns = {{"width", 1, 2}};
  write_config(folder / "config.json", config);
  const auto whole = nlohmann::ordered_json::parse(runtime::read_file(folder / "config.json"));
  CHECK_FALSE(find_change(read_config(folder / "config.json"), config));

  int changed = 0;
  const auto flat = whole.flatten();
  for (const auto& [path, value] : flat.items()) {
    CAPTURE(path);
    auto json = whole;
    json[nlohmann::ordered_json::json_pointer(path)] = other_value(value);
    const RunConfig other = read_config(folder.write("other.json", json.dump()));
    const auto change = find_change(config, other);
    CHECK(change.has_value() != free.contains(path));
    if (!change) continue;
    ++changed;
    // Of a list, the list.
    const std::string field = path.starts_with("/data/columns") ? "/data/columns" : path;
    std::string dotted = field.substr(1);
    std::ranges::replace(dotted, '/', '.');
    CHECK(change->field == dotted);
    if (field == path)
      CHECK(change->before == (value.is_string() ? value.get<std::string>()
                               : value.is_null() ? "unset"
                                                 : value.dump()));
    CHECK(change->before != change->after);
  }
  CHECK(changed > 25);

  RunConfig more = config;
  more.settings["latent"] = "2";
  CHECK(find_change(config, more)->field == "settings.latent");
  CHECK(find_change(config, more)->before == "unset");
  CHECK(find_change(more, config)->after == "unset");
}
