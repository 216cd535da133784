// The flags that choose a trained run, its data and its backend: [MODEL or RUN] --run DIR.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "tools/flags/catalog.h"
#include "tools/flags/train_flags.h"
#include "training/plot/canvas.h"
#include "training/runs/run_directory.h"

namespace weft::tools {

// The folder where a model's training writes by default.
std::filesystem::path default_run_folder(const std::string& model);
// Opens that run; throws Error that tells how to train one if there is none.
training::RunDirectory open_default_run(const std::string& model,
                                        training::RunDirectory::Access access = training::RunDirectory::Access::read);

// Opens a checkpoint without a run, with the model that its metadata describe. Throws Error if they are incomplete.
training::RunDirectory open_checkpoint(const Catalog& catalog, const std::filesystem::path& path);

// Writes a picture to the user's file, or else to file `name` in the run; returns its path.
std::filesystem::path write_picture(const training::RunDirectory& run, const std::optional<std::string>& to,
                                    const char* name, const training::Canvas& picture);

class RunFlags {
 public:
  explicit RunFlags(const Catalog& catalog) : catalog_(catalog) {}
  void declare(Flags& flags);

  // Opens the run in --out, in the named folder, or in the named model's default folder; or a checkpoint file whose
  // metadata name a model of the catalog. Throws Error if there is none or it has another model.
  training::RunDirectory open() const;
  // Opens another run by folder or model name.
  training::RunDirectory open(const std::string& name) const;
  // The run's training options with the backend, threads and batch from the flags.
  training::SessionOptions options(const training::RunDirectory& run, std::optional<std::int64_t> batch = {}) const;
  // Loads the trained model with these options; `batch` replaces the run's batch if no flag sets it.
  training::Session load(const training::RunDirectory& run, std::optional<std::int64_t> batch = {}) const;
  // The data of --data, or else the run's.
  training::DatasetSplits data(const training::RunDirectory& run) const;

 private:
  // The model whose default run `name` denotes, or "" for a folder or a file.
  std::string model_of_default(const std::string& name) const;

  const Catalog& catalog_;
  std::string name_;
  std::optional<std::string> out_;
  std::optional<std::int64_t> batch_;
  DataFlags data_;
  MachineFlags machine_;
  bool allow_nonfinite_ = false;
};

}  // namespace weft::tools
