// Making, opening and checkpointing the folder of a run.
#include "training/run_directory.h"

#include <fmt/ranges.h>

#include <charconv>
#include <cstdlib>
#include <utility>

#include "ir/error.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/visible.h"
#include "runtime/atomic_file.h"
#include "runtime/safetensors.h"

namespace weft::training {

namespace fs = std::filesystem;
using runtime::Metadata;
using runtime::TensorFile;

namespace {

constexpr const char* config_name = "config.json";
constexpr const char* model_name = "model.weft";
constexpr const char* report_name = "report.html";
constexpr const char* pretrained_key = "pretrained";  // layers; in the metadata of a run that has any

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!fs::is_directory(path))
    fail("cannot make the folder {}: {}; choose another output folder", path.string(),
         error ? error.message() : "a file is in its place");
}

// So that no old picture or checkpoint stands beside the new configuration.
void remove_run(const fs::path& path) {
  std::error_code ignored;  // what cannot be removed cannot be replaced either: writing says so
  for (const fs::directory_entry& entry : fs::directory_iterator(path))
    if (entry.path().extension() == ".png") fs::remove(entry.path(), ignored);
  for (const char* name : {report_name, "metrics.jsonl", "checkpoint.safetensors", model_name, config_name})
    fs::remove(path / name, ignored);
}

// --- The position as metadata --------------------------------------------------------------------------------------

// Hexadecimal, so that the sums of an interrupted epoch go on with every bit.
void write_position(Metadata& metadata, const Position& position) {
  metadata["epoch"] = fmt::format("{}", position.epochs_done);
  if (position.pretrained > 0) metadata[pretrained_key] = fmt::format("{}", position.pretrained);
  metadata["images"] = fmt::format("{}", position.images_done);
  std::string sums;
  for (const double sum : position.sums) sums += fmt::format("{}{:a}", sums.empty() ? "" : " ", sum);
  metadata["sums"] = sums;
}

const std::string& metadata_text(const TensorFile& file, const fs::path& path, const char* key) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) fail("{}: no checkpoint of a run: its metadata lacks '{}'", path.string(), key);
  return found->second;
}

std::int64_t read_count(const TensorFile& file, const fs::path& path, const char* key) {
  const std::string& text = metadata_text(file, path, key);
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 0)
    fail("{}: damaged checkpoint: its metadata says {} = '{}'", path.string(), key, brief(text));
  return count;
}

Position read_position(const TensorFile& file, const fs::path& path) {
  Position position;
  position.epochs_done = read_count(file, path, "epoch");
  position.images_done = read_count(file, path, "images");
  if (file.metadata.contains(pretrained_key)) position.pretrained = read_count(file, path, pretrained_key);
  const std::string& text = metadata_text(file, path, "sums");
  for (const char* at = text.c_str(); *at != '\0';) {
    char* end = nullptr;
    position.sums.push_back(std::strtod(at, &end));
    if (end == at) fail("{}: damaged checkpoint: its metadata says sums = '{}'", path.string(), brief(text));
    at = end;
  }
  return position;
}

}  // namespace

// --- The folder ----------------------------------------------------------------------------------------------------

RunDirectory::RunDirectory(fs::path path, RunConfig config, ir::Module module)
    : path_(std::move(path)), config_(std::move(config)), module_(std::move(module)) {}

RunDirectory RunDirectory::create(const fs::path& path, RunConfig config, ir::Module module, Existing existing) {
  make_folder(path);
  if (fs::exists(path / config_name)) {
    if (existing == Existing::refuse)
      fail("{} holds a run already; resume it (--resume), replace it (--replace) or choose another output folder",
           path.string());
    remove_run(path);
  }
  RunDirectory run(path, std::move(config), std::move(module));
  runtime::write_file(run.file(model_name), ir::print(run.module_));
  write_config(run.file(config_name), run.config_);
  return run;
}

RunDirectory RunDirectory::open(const fs::path& path) {
  if (!fs::is_directory(path))
    fail("{} is no run: there is no such folder; name the output folder of a training", path.string());
  for (const char* name : {config_name, model_name})
    if (!fs::exists(path / name))
      fail("{} is no run: it lacks {}; name the output folder of a training", path.string(), name);
  RunConfig config = read_config(path / config_name);
  ir::Module module = ir::parse(runtime::read_file(path / model_name), (path / model_name).string());
  return RunDirectory(path, std::move(config), std::move(module));
}

RunDirectory RunDirectory::of_checkpoint(const fs::path& file, RunConfig config, ir::Module module) {
  RunDirectory run(file.parent_path(), std::move(config), std::move(module));
  run.checkpoint_ = file.filename().string();
  run.is_checkpoint_alone_ = true;
  return run;
}

bool RunDirectory::has_checkpoint() const { return fs::exists(checkpoint_path()); }

void RunDirectory::set_config(RunConfig config) {
  config_ = std::move(config);
  write_config(file(config_name), config_);
}

// --- Checkpoints ---------------------------------------------------------------------------------------------------

void RunDirectory::save(const Session& session, const Position& position) const {
  TensorFile checkpoint = session.save();
  write_position(checkpoint.metadata, position);
  std::string settings;
  for (const auto& [option, value] : config_.settings)
    settings += fmt::format("{}{}={}", settings.empty() ? "" : " ", option, value);
  checkpoint.metadata["settings"] = settings;
  runtime::write_safetensors(checkpoint_path(), checkpoint.tensors, checkpoint.metadata);
}

Position RunDirectory::restore(Session& session) const {
  if (!has_checkpoint())
    fail("{} holds no checkpoint yet: the run was stopped before its first; train it again", path_.string());
  const TensorFile file = runtime::read_safetensors(checkpoint_path());
  Position position = read_position(file, checkpoint_path());
  session.restore(file, checkpoint_path());
  return position;
}

Session RunDirectory::load(SessionOptions options) const {
  Session session(module_, std::move(options));
  if (!has_checkpoint())
    fail("{} holds no checkpoint yet: the run was stopped before its first; train it again", path_.string());
  session.load_weights(runtime::read_safetensors(checkpoint_path()), checkpoint_path());
  return session;
}

}  // namespace weft::training
