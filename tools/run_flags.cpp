// Finding and opening a run.
#include "tools/run_flags.h"

namespace weft::tools {

namespace fs = std::filesystem;
using training::RunDirectory;

fs::path default_run_folder(const std::string& model) { return fs::path("run") / model; }

RunDirectory open_default_run(const std::string& model) {
  const fs::path folder = default_run_folder(model);
  if (!fs::exists(folder))
    fail("there is no run in {}: train {} first, or name the folder of its run", folder.string(), model);
  return RunDirectory::open(folder);
}

void RunFlags::declare(Flags& flags) {
  flags.positional("RUN", name_, "The folder of a run, or a model, whose run is then in run/MODEL");
  flags.group("Run");
  flags.add("run,out", out_, "DIR", "Folder of the run, where RUN is left out or is its model");
  flags.add("batch", batch_, 1, "Images at once [as in training]");
  data_.declare(flags);
  machine_.declare(flags);
}

std::string RunFlags::model_of_default(const std::string& name) const {
  if (catalog_.find(name)) return name;
  if (fs::exists(name)) return "";
  if (!name.empty())
    fail_usage("there is no run {} and no model of that name ({})", name, fmt::join(catalog_.names(), ", "));
  if (!catalog_.fallback()) fail_usage("name a run: its folder, or a model: {}", fmt::join(catalog_.names(), ", "));
  return catalog_.fallback()->name;
}

RunDirectory RunFlags::open(const std::string& name) const {
  const std::string model = model_of_default(name);
  return model.empty() ? RunDirectory::open(name) : open_default_run(model);
}

RunDirectory RunFlags::open() const {
  if (!out_) return open(name_);
  RunDirectory run = RunDirectory::open(*out_);
  if (!name_.empty() && name_ != run.config().model)
    fail("{} holds a run of {}, not of {}", *out_, run.config().model, name_);
  return run;
}

training::SessionOptions RunFlags::options(const RunDirectory& run, std::optional<std::int64_t> batch) const {
  training::SessionOptions options = machine_.apply(run.config().session);
  options.batch = batch_.value_or(batch.value_or(options.batch));
  return options;
}

training::Session RunFlags::load(const RunDirectory& run, std::optional<std::int64_t> batch) const {
  return run.load(options(run, batch));
}

training::DatasetSplits RunFlags::data(const RunDirectory& run) const {
  return training::load_data(data_.apply(run.config().data));
}

}  // namespace weft::tools
