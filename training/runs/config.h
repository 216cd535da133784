// The configuration of a run: all that is needed to do it again, and the file config.json that holds it.
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
  std::vector<Column> columns = {};        // of a table: how its rows are scaled (see LoadOptions)

  bool operator==(const DataOptions&) const = default;
};

// Whether `name` is a built-in data set, and no folder or file of that name is there.
bool is_built_in(const std::string& name);
// The same splits for every seed of a run, so that runs can be compared.
DatasetSplits load_data(const DataOptions& options);

struct RunConfig {
  // What the run computes, as 16 hexadecimal digits: the name under which its checkpoints belong to it. Empty in runs
  // of before there were any.
  std::string id;
  std::string model;
  std::map<std::string, std::string> settings;  // the model's own
  DataOptions data;
  SessionOptions session;
  TrainOptions train;
};

// A hash of what the run computes: the model, its settings and all options that change a bit of the result, and the
// data. Threads, the number of epochs, the minutes between checkpoints and the place of the data may change on a resume
// and are left out, so that the same training has the same id everywhere.
std::string run_id(const RunConfig& config, const ir::Module& module, std::initializer_list<const Dataset*> data);

// The first field of config.json that changes a bit of the result (all of those that `run_id` reads) and is not the
// same in both: "optimizer.learning_rate" and both values as the file has them. Empty where a resume from `before` with
// `after` is the same training.
struct FieldChange {
  std::string field, before, after;
};
std::optional<FieldChange> find_change(const RunConfig& before, const RunConfig& after);

// Replaces the file, or a link in its place.
void write_config(const std::filesystem::path& path, const RunConfig& config);
// Throws Error with the file and the field that is missing or wrong.
RunConfig read_config(const std::filesystem::path& path);

// "adam" and its kin; Error with the near names where there is none.
std::string_view name(passes::OptimizerSpec::Kind kind);
passes::OptimizerSpec::Kind parse_optimizer(std::string_view text);
std::vector<std::string> optimizer_names();
std::string_view name(Schedule::Kind kind);
Schedule::Kind parse_schedule(std::string_view text);
std::vector<std::string> schedule_names();

}  // namespace weft::training
