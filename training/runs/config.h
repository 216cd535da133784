// The configuration of a run: everything needed to repeat it; and its file, config.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "training/data/dataset.h"
#include "training/session.h"
#include "training/trainer.h"

namespace weft::training {

struct DataOptions {
  std::string folder;                      // or file; empty or "digits", "digits-colour": built in
  std::optional<std::int64_t> validation;  // samples held out of the training set, or the default of the data set
  std::vector<Column> columns = {};        // scaling of a table (see LoadOptions)

  bool operator==(const DataOptions&) const = default;
};

// Whether `name` is a built-in data set, and no folder or file has that name.
bool is_built_in(const std::string& name);
// The splits do not depend on the seed of a run, so that runs are comparable.
DatasetSplits load_data(const DataOptions& options);

struct RunConfig {
  // The hash `run_id`, 16 hexadecimal digits; its checkpoints carry it. Empty in runs of versions without ids.
  std::string id;
  std::string model;
  std::map<std::string, std::string> settings;  // options of the model
  DataOptions data;
  SessionOptions session;
  TrainOptions train;
};

// A hash of what the run computes: the model, its settings, all options that affect the result, and the data. It
// excludes what a resume may change: threads, number of epochs, minutes between checkpoints and path of the data. The
// same training therefore has the same id everywhere.
std::string run_id(const RunConfig& config, const ir::Module& module, std::initializer_list<const Dataset*> data);

// The first field of config.json that affects the result (a field that `run_id` reads) and differs:
// "optimizer.learning_rate", with both values as in the file. Empty if a resume from `before` with `after` continues
// the same training.
struct FieldChange {
  std::string field, before, after;
};
std::optional<FieldChange> find_change(const RunConfig& before, const RunConfig& after);

// Replaces the file, or a link in its place.
void write_config(const std::filesystem::path& path, const RunConfig& config);
// Throws Error with the file and the field that is missing or wrong.
RunConfig read_config(const std::filesystem::path& path);

// Names such as "adam". Throws Error with the nearest names if a name is unknown.
std::string_view name(passes::OptimizerSpec::Kind kind);
passes::OptimizerSpec::Kind parse_optimizer(std::string_view text);
std::vector<std::string> optimizer_names();
std::string_view name(Schedule::Kind kind);
Schedule::Kind parse_schedule(std::string_view text);
std::vector<std::string> schedule_names();

}  // namespace weft::training
