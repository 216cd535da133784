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
  flags.add("out", out_, "DIR", "Folder of the run, where RUN is a model trained with --out DIR");
  flags.add("batch", batch_, 1, "Images at once [as in training]");
  data_.declare(flags);
  machine_.declare(flags);
}

std::string RunFlags::model_of_default() const {
  if (out_) return "";
  if (catalog_.find(name_)) return name_;
  if (fs::exists(name_)) return "";
  if (!name_.empty())
    fail_usage("there is no run {} and no model of that name ({})", name_, fmt::join(catalog_.names(), ", "));
  if (!catalog_.fallback()) fail_usage("name a run: its folder, or a model: {}", fmt::join(catalog_.names(), ", "));
  return catalog_.fallback()->name;
}

RunDirectory RunFlags::open() const {
  if (const std::string model = model_of_default(); !model.empty()) return open_default_run(model);
  RunDirectory run = RunDirectory::open(out_.value_or(name_));
  if (out_ && !name_.empty() && name_ != run.config().model)
    fail("{} holds a run of {}, not of {}", *out_, run.config().model, name_);
  return run;
}

training::Session RunFlags::load(const RunDirectory& run) const {
  training::SessionOptions options = machine_.apply(run.config().session);
  options.batch = batch_.value_or(options.batch);
  return run.load(std::move(options));
}

training::DatasetSplits RunFlags::data(const RunDirectory& run) const {
  return training::load_data(data_.apply(run.config().data));
}

}  // namespace weft::tools
