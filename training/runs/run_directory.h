// The folder of a run: what was asked for, the model as IR, the metrics, the checkpoint. Everything that goes on with a
// run, or looks at it, opens it here.
//
//   config.json             what was asked for, and the run's id (training/runs/config.h)
//   model.weft              the entries of the model: with the checkpoint, a whole model
//   metrics.jsonl           training/metrics.h
//   checkpoint.safetensors  params under their names, the optimizer's state, and as metadata step, epoch, seed and the
//                           run's id
//   *.png, report.html      training/runs/run.h
//   .files                  the names of the files that Weft wrote here, one a line: what --replace may remove
//   .lock                   training/runs/run_lock.h; while a run is written
//
// Files of a run are replaced whole; a symbolic link in the place of one is replaced, never written through.
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
  // Makes the folder and writes config and model, so that a folder that cannot be written is an Error before any work.
  // Existing: what happens to a run that is there already; of it only files that Weft wrote are removed. The folder is
  // locked for as long as the object lives: an Error where another process writes there.
  static RunDirectory create(const std::filesystem::path& path, RunConfig config, ir::Module module,
                             Existing existing = Existing::refuse);
  // read: to look at the run, also while another process trains it. write: to go on with it; locks the folder and
  // removes the temporary files of processes that died.
  enum class Access : std::uint8_t { read, write };
  // Throws Error where there is no run, or a file of it is damaged.
  static RunDirectory open(const std::filesystem::path& path, Access access = Access::read);
  // Whether a training was stopped here before it wrote its config: `create` makes the run anew.
  static bool was_begun(const std::filesystem::path& path);
  // A checkpoint in a file of its own, of this model: there is no run around it, and what is made of it goes to its
  // folder.
  static RunDirectory of_checkpoint(const std::filesystem::path& file, RunConfig config, ir::Module module);

  const std::filesystem::path& path() const { return path_; }
  const RunConfig& config() const { return config_; }
  const ir::Module& module() const { return module_; }
  std::filesystem::path file(std::string_view name) const { return path_ / name; }
  std::filesystem::path checkpoint_path() const { return file(checkpoint_); }
  bool is_checkpoint_alone() const { return is_checkpoint_alone_; }
  std::filesystem::path metrics_path() const { return file("metrics.jsonl"); }
  bool has_checkpoint() const;
  // The names of those files there that Weft wrote.
  std::vector<std::string> files() const;

  // Writes a file that is made of the run, such as a picture, and gives its path. Needs no lock: beside a training it
  // shows the checkpoint that it was made of.
  std::filesystem::path write(std::string_view name, std::string_view contents) const;

  // For a resume that trains longer, on other threads, or from a data folder that moved: config.json is replaced.
  void set_config(RunConfig config);

  // `layer`: the session of a layer in its pre-training, which stands at `layer_position`.
  void save(const Session& session, const Position& position, const Session* layer = nullptr,
            const Position& layer_position = {}) const;
  // The state of the last checkpoint, to train on from; and the layer that was in its pre-training, where one was.
  // Throws Error where there is none, or it is of another model or of another run.
  Position restore(Session& session, std::optional<StoppedLayer>* layer = nullptr) const;
  // The last checkpoint. Throws Error where there is none, or it is of another run.
  runtime::TensorFile read_checkpoint() const;
  // A session with the weights of the last checkpoint, to use. `options` says backend, threads and batch.
  Session load(SessionOptions options) const;
  Session load() const { return load(config_.session); }

 private:
  RunDirectory(std::filesystem::path path, RunConfig config, ir::Module module);

  std::filesystem::path path_;
  RunConfig config_;
  ir::Module module_;
  std::string checkpoint_ = "checkpoint.safetensors";
  bool is_checkpoint_alone_ = false;
  std::unique_ptr<const RunLock> lock_;  // null where the run is only looked at
};

}  // namespace weft::training
