// Creates, opens and checkpoints the folder of a run.
#include "training/runs/run_directory.h"

#include <fmt/ranges.h>

#include <charconv>
#include <cstdlib>
#include <utility>

#include "ir/error.h"
#include "ir/text/parse.h"
#include "ir/text/print.h"
#include "ir/visible.h"
#include "runtime/atomic_file.h"
#include "runtime/safetensors.h"
#include "training/runs/run_files.h"

namespace weft::training {

namespace fs = std::filesystem;
using runtime::Metadata;
using runtime::TensorFile;

namespace {

constexpr const char* kRunKey = "run";                // in the metadata: the id of the run
constexpr const char* kPretrainedKey = "pretrained";  // number of layers; only with pre-training
// Prefix of the tensors and metadata of a layer in pre-training, saved beside the model.
constexpr const char* kLayerPrefix = "pretraining.";

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!fs::is_directory(path))
    fail("cannot create the folder {}: {}; choose another output folder", path.string(),
         error ? error.message() : "a file is in its place");
}

// --- The position as metadata --------------------------------------------------------------------------------------

// Hexadecimal, so that a resume restores the sums of an epoch to the bit.
void write_position(Metadata& metadata, const Position& position, const std::string& prefix = "") {
  metadata[prefix + "epoch"] = fmt::format("{}", position.epochs_done);
  if (position.pretrained > 0) metadata[prefix + kPretrainedKey] = fmt::format("{}", position.pretrained);
  metadata[prefix + "images"] = fmt::format("{}", position.images_done);
  std::string sums;
  for (const double sum : position.sums) sums += fmt::format("{}{:a}", sums.empty() ? "" : " ", sum);
  metadata[prefix + "sums"] = sums;
}

const std::string& metadata_text(const TensorFile& file, const fs::path& path, const std::string& key) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) fail("{}: not a checkpoint of a run: its metadata lacks '{}'", path.string(), key);
  return found->second;
}

std::int64_t read_count(const TensorFile& file, const fs::path& path, const std::string& key) {
  const std::string& text = metadata_text(file, path, key);
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 0)
    fail("{}: damaged checkpoint: its metadata says {} = '{}'", path.string(), key, brief(text));
  return count;
}

Position read_position(const TensorFile& file, const fs::path& path, const std::string& prefix = "") {
  Position position;
  position.epochs_done = read_count(file, path, prefix + "epoch");
  position.images_done = read_count(file, path, prefix + "images");
  if (file.metadata.contains(prefix + kPretrainedKey))
    position.pretrained = read_count(file, path, prefix + kPretrainedKey);
  const std::string key = prefix + "sums";
  const std::string& text = metadata_text(file, path, key);
  for (const char* at = text.c_str(); *at != '\0';) {
    char* end = nullptr;
    position.sums.push_back(std::strtod(at, &end));
    if (end == at) fail("{}: damaged checkpoint: its metadata says sums = '{}'", path.string(), brief(text));
    at = end;
  }
  return position;
}

// --- A layer in pre-training -----------------------------------------------------------------------------------------

// Readers of weights take it for optimizer state.
void add_layer(TensorFile& file, const Session& layer, const Position& position) {
  TensorFile part = layer.save();
  for (auto& [name, tensor] : part.tensors) file.tensors.emplace(kLayerPrefix + name, std::move(tensor));
  for (const auto& [key, text] : part.metadata) file.metadata[kLayerPrefix + key] = text;
  write_position(file.metadata, position, kLayerPrefix);
  std::string& optimizer = file.metadata["optimizer"];
  optimizer += optimizer.empty() ? "" : ",";
  optimizer += std::string_view(kLayerPrefix, std::string_view(kLayerPrefix).size() - 1);
}

// Removes the layer from the file, which then holds only the model.
std::optional<StoppedLayer> take_layer(TensorFile& file, const fs::path& path) {
  if (!file.metadata.contains(std::string(kLayerPrefix) + "step")) return {};
  StoppedLayer layer{{}, path, read_position(file, path, kLayerPrefix)};
  const std::size_t length = std::string_view(kLayerPrefix).size();
  std::erase_if(file.tensors, [&](auto& named) {
    if (!named.first.starts_with(kLayerPrefix)) return false;
    layer.session.tensors.emplace(named.first.substr(length), std::move(named.second));
    return true;
  });
  for (const auto& [key, text] : file.metadata)
    if (key.starts_with(kLayerPrefix)) layer.session.metadata.emplace(key.substr(length), text);
  return layer;
}

}  // namespace

// --- The folder ----------------------------------------------------------------------------------------------------

RunDirectory::RunDirectory(fs::path path, RunConfig config, ir::Module module)
    : path_(std::move(path)), config_(std::move(config)), module_(std::move(module)) {}

RunDirectory RunDirectory::create(const fs::path& path, RunConfig config, ir::Module module, Existing existing) {
  make_folder(path);
  auto lock = std::make_unique<const RunLock>(path);
  if (existing == Existing::refuse && fs::exists(path / kConfigName))
    fail("{} holds a run already; resume it (--resume), replace it (--replace) or choose another output folder",
         path.string());
  runtime::sweep_temporaries(path);
  remove_run(path);
  if (config.id.empty()) config.id = run_id(config, module, {});
  RunDirectory run(path, std::move(config), std::move(module));
  run.lock_ = std::move(lock);
  // The config comes last: a folder without it is not a run, and `create` may start it again.
  for (const char* name : {kConfigName, kModelName, kMetricsName, kCheckpointName}) record_run_file(path, name);
  runtime::write_file(run.file(kModelName), ir::print(run.module_), runtime::Links::replace);
  write_config(run.file(kConfigName), run.config_);
  return run;
}

bool RunDirectory::was_begun(const fs::path& path) {
  return fs::is_directory(path) && !fs::exists(path / kConfigName) &&
         (fs::is_empty(path) || fs::exists(path / ".lock") || fs::exists(path / ".files"));
}

RunDirectory RunDirectory::open(const fs::path& path, Access access) {
  if (!fs::is_directory(path))
    fail("{} is not a run: there is no such folder; name the output folder of a training", path.string());
  const auto check_files = [&] {
    for (const char* name : {kConfigName, kModelName})
      if (!fs::exists(path / name))
        fail("{} is not a run: it lacks {}; name the output folder of a training", path.string(), name);
  };
  check_files();  // first, so that a folder that is not a run gets no lock
  std::unique_ptr<const RunLock> lock;
  if (access == Access::write) {
    lock = std::make_unique<const RunLock>(path);
    check_files();
    runtime::sweep_temporaries(path);
  }
  RunConfig config = read_config(path / kConfigName);
  ir::Module module = ir::parse(runtime::read_file(path / kModelName), (path / kModelName).string());
  RunDirectory run(path, std::move(config), std::move(module));
  run.lock_ = std::move(lock);
  return run;
}

RunDirectory RunDirectory::of_checkpoint(const fs::path& file, RunConfig config, ir::Module module) {
  RunDirectory run(file.parent_path(), std::move(config), std::move(module));
  run.checkpoint_ = file.filename().string();
  run.is_checkpoint_alone_ = true;
  return run;
}

bool RunDirectory::has_checkpoint() const { return fs::exists(checkpoint_path()); }

std::vector<std::string> RunDirectory::files() const { return run_files(path_); }

fs::path RunDirectory::write(std::string_view name, std::string_view contents) const {
  if (lock_) lock_->check_held();
  if (!is_checkpoint_alone_) record_run_file(path_, name);
  runtime::write_file(file(name), contents, runtime::Links::replace);
  return file(name);
}

void RunDirectory::set_config(RunConfig config) {
  check(lock_ != nullptr, "a run is open for writing");
  config_ = std::move(config);
  write_config(file(kConfigName), config_);
}

// --- Checkpoints ---------------------------------------------------------------------------------------------------

void RunDirectory::save(const Session& session, const Position& position, const Session* layer,
                        const Position& layer_position) const {
  check(lock_ != nullptr, "a run is open for writing");
  lock_->check_held();
  TensorFile checkpoint = session.save();
  write_position(checkpoint.metadata, position);
  if (layer) add_layer(checkpoint, *layer, layer_position);
  std::string settings;
  for (const auto& [option, value] : config_.settings)
    settings += fmt::format("{}{}={}", settings.empty() ? "" : " ", option, value);
  checkpoint.metadata["settings"] = settings;
  if (!config_.id.empty()) checkpoint.metadata[kRunKey] = config_.id;
  runtime::write_safetensors(checkpoint_path(), checkpoint.tensors, checkpoint.metadata,
                             {runtime::Links::replace, runtime::Checksums::crc32});
}

TensorFile RunDirectory::read_checkpoint() const {
  if (!has_checkpoint())
    fail(
        "{} holds no checkpoint yet: its training has just begun, or stopped before its first checkpoint; continue it: "
        "weft train --resume --out {}",
        path_.string(), path_.string());
  TensorFile file = runtime::read_safetensors(checkpoint_path());
  const auto run = file.metadata.find(kRunKey);
  if (!is_checkpoint_alone_ && !config_.id.empty() && run != file.metadata.end() && run->second != config_.id)
    fail(
        "{} is the checkpoint of run {}, but {} belongs to run {}: if a run is being replaced, try again; otherwise "
        "restore the right checkpoint or train again (--replace)",
        checkpoint_path().string(), run->second, (path_ / kConfigName).string(), config_.id);
  return file;
}

Position RunDirectory::restore(Session& session, std::optional<StoppedLayer>* layer) const {
  TensorFile file = read_checkpoint();
  Position position = read_position(file, checkpoint_path());
  if (!config_.id.empty() && !file.metadata.contains(kRunKey))
    fail(
        "{} does not name its run, but {} does ({}): it is from another run or an older Weft; restore the right "
        "checkpoint or train again (--replace)",
        checkpoint_path().string(), (path_ / kConfigName).string(), config_.id);
  std::optional<StoppedLayer> stopped = take_layer(file, checkpoint_path());
  session.restore(file, checkpoint_path());
  if (layer) *layer = std::move(stopped);
  return position;
}

Session RunDirectory::load(SessionOptions options) const {
  Session session(module_, std::move(options));
  session.load_weights(read_checkpoint(), checkpoint_path());
  return session;
}

}  // namespace weft::training
