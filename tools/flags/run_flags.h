// The flags that say which trained run a command looks at: [MODEL or RUN] --run DIR, with which data and backend.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "tools/flags/catalog.h"
#include "tools/flags/train_flags.h"
#include "training/plot/canvas.h"
#include "training/runs/run_directory.h"

namespace weft::tools {

// Where a model is trained to when no folder is named.
std::filesystem::path default_run_folder(const std::string& model);
// The run there; an Error that says how to train one where there is none.
training::RunDirectory open_default_run(const std::string& model,
                                        training::RunDirectory::Access access = training::RunDirectory::Access::read);

// A checkpoint alone as a run: what its metadata says of its model is all that is known. Error where that is too
// little.
training::RunDirectory open_checkpoint(const Catalog& catalog, const std::filesystem::path& path);

// Writes a picture to the file that the user named or, where none was, to the run's of that name; gives its path.
std::filesystem::path write_picture(const training::RunDirectory& run, const std::optional<std::string>& to,
                                    const char* name, const training::Canvas& picture);

class RunFlags {
 public:
  explicit RunFlags(const Catalog& catalog) : catalog_(catalog) {}
  void declare(Flags& flags);

  // The run in --out, in the folder named, or the one that a model's training leaves by default; or a checkpoint file
  // alone, whose metadata says of which model of the catalog it is. Error where there is none, or it is one of another
  // model.
  training::RunDirectory open() const;
  // Another run, named as the argument is: by its folder, or by a model.
  training::RunDirectory open(const std::string& name) const;
  // How the run was trained, on the backend and with the threads and the batch asked for.
  training::SessionOptions options(const training::RunDirectory& run, std::optional<std::int64_t> batch = {}) const;
  // The trained model, with backend and threads as asked; `batch` where none is asked for, or the run's own.
  training::Session load(const training::RunDirectory& run, std::optional<std::int64_t> batch = {}) const;
  // The data of the run, or those of --data.
  training::DatasetSplits data(const training::RunDirectory& run) const;

 private:
  // The model whose default run `name` means, or "" where it names a folder or a file.
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
