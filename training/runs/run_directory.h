// The folder of a run: configuration, model as IR, metrics and checkpoint. Everything that resumes or reads a run opens
// it here.
//
//   config.json             the configuration, and the run's id (training/runs/config.h)
//   model.weft              the entries of the model; with the checkpoint, a complete model
//   metrics.jsonl           training/metrics.h
//   checkpoint.safetensors  params under their names, the optimizer's state, and as metadata step, epoch, seed and the
//                           run's id
//   *.png, report.html      training/runs/run.h
//   .files                  the names of the files that Weft wrote here, one per line; --replace may remove these
//   .lock                   training/runs/run_lock.h; while a process writes the run
//
// Weft replaces whole files of a run, and replaces a symbolic link instead of following it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "training/pretrain.h"
#include "training/runs/config.h"
#include "training/runs/run_lock.h"
#include "training/session.h"
#include "training/trainer.h"

namespace weft::training {

class RunDirectory {
 public:
  enum class Existing : std::uint8_t { refuse, replace };
  // Creates the folder and writes config and model, so that a folder that is not writable is an Error before any work.
  // `existing`: what to do if the folder holds a run; replacing it removes only files that Weft wrote. Locks the folder
  // while the object lives; throws Error if another process writes there.
  static RunDirectory create(const std::filesystem::path& path, RunConfig config, ir::Module module,
                             Existing existing = Existing::refuse);
  // read: to read the run, even while another process trains it. write: to resume it; locks the folder and removes the
  // temporary files of dead processes.
  enum class Access : std::uint8_t { read, write };
  // Throws Error if there is no run, or one of its files is damaged.
  static RunDirectory open(const std::filesystem::path& path, Access access = Access::read);
  // Whether a training was stopped here before it wrote its config: `create` starts the run again.
  static bool was_begun(const std::filesystem::path& path);
  // A checkpoint file of this model without a run. What Weft writes from it goes to the folder of the file.
  static RunDirectory of_checkpoint(const std::filesystem::path& file, RunConfig config, ir::Module module);

  const std::filesystem::path& path() const { return path_; }
  const RunConfig& config() const { return config_; }
  const ir::Module& module() const { return module_; }
  std::filesystem::path file(std::string_view name) const { return path_ / name; }
  std::filesystem::path checkpoint_path() const { return file(checkpoint_); }
  bool is_checkpoint_alone() const { return is_checkpoint_alone_; }
  std::filesystem::path metrics_path() const { return file("metrics.jsonl"); }
  bool has_checkpoint() const;
  // The names of the files there that Weft wrote.
  std::vector<std::string> files() const;

  // Writes a file derived from the run, such as a picture, and returns its path. Needs no lock: during a training, the
  // file shows the checkpoint it comes from.
  std::filesystem::path write(std::string_view name, std::string_view contents) const;

  // Replaces config.json, for a resume that trains longer, on other threads, or from a data folder that moved.
  void set_config(RunConfig config);

  // `layer`: the session of the layer in pre-training, at `layer_position`.
  void save(const Session& session, const Position& position, const Session* layer = nullptr,
            const Position& layer_position = {}) const;
  // Restores the last checkpoint, to resume training; and the layer in pre-training, if any. Throws Error if there is
  // no checkpoint, or it belongs to another model or run.
  Position restore(Session& session, std::optional<StoppedLayer>* layer = nullptr) const;
  // The last checkpoint. Throws Error if there is none, or it belongs to another run.
  runtime::TensorFile read_checkpoint() const;
  // A session with the weights of the last checkpoint. `options` sets backend, threads and batch.
  Session load(SessionOptions options) const;
  Session load() const { return load(config_.session); }

 private:
  RunDirectory(std::filesystem::path path, RunConfig config, ir::Module module);

  std::filesystem::path path_;
  RunConfig config_;
  ir::Module module_;
  std::string checkpoint_ = "checkpoint.safetensors";
  bool is_checkpoint_alone_ = false;
  std::unique_ptr<const RunLock> lock_;  // null if the run is open for reading
};

}  // namespace weft::training
