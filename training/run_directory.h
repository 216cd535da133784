// The folder of a run: what was asked for, the model as IR, the metrics, the checkpoint. Everything that goes on with a
// run, or looks at it, opens it here.
//
//   config.json             what was asked for (training/config.h)
//   model.weft              the entries of the model: with the checkpoint, a whole model
//   metrics.jsonl           training/metrics.h
//   checkpoint.safetensors  params under their names, the optimizer's state, and as metadata step, epoch and seed
//   *.png, report.html      training/run.h
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "ir/graph.h"
#include "training/config.h"
#include "training/session.h"
#include "training/trainer.h"

namespace weft::training {

class RunDirectory {
 public:
  enum class Existing : std::uint8_t { refuse, replace };
  // Makes the folder and writes config and model, so that a folder that cannot be written is an Error before any work.
  // Existing: what happens to a run that is there already.
  static RunDirectory create(const std::filesystem::path& path, RunConfig config, ir::Module module,
                             Existing existing = Existing::refuse);
  // Throws Error where there is no run, or a file of it is damaged.
  static RunDirectory open(const std::filesystem::path& path);
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

  // For a resume that trains longer, on other threads, or from a data folder that moved: config.json is replaced.
  void set_config(RunConfig config);

  void save(const Session& session, const Position& position) const;
  // The state of the last checkpoint, to train on from. Throws Error where there is none, or it is of another model.
  Position restore(Session& session) const;
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
};

}  // namespace weft::training
