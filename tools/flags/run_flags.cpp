// Finds and opens a run.
#include "tools/flags/run_flags.h"

#include <sstream>

#include "ir/text/number.h"
#include "ir/visible.h"
#include "runtime/atomic_file.h"
#include "runtime/safetensors.h"

namespace weft::tools {

namespace fs = std::filesystem;
using training::RunDirectory;

fs::path default_run_folder(const std::string& model) { return fs::path("run") / model; }

RunDirectory open_default_run(const std::string& model, RunDirectory::Access access) {
  const fs::path folder = default_run_folder(model);
  if (!fs::exists(folder))
    fail("there is no run in {}: train {} first, or name the folder of its run", folder.string(), model);
  return RunDirectory::open(folder, access);
}

namespace {

const std::string& metadata_text(const runtime::TensorFile& file, const fs::path& path, const char* key) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end())
    fail(
        "{}: the metadata lacks '{}', so Weft cannot build the model: name a checkpoint from weft train or a compiled "
        "model, or a run",
        path.string(), key);
  return found->second;
}

// Parses "hidden=400 latent=20"; a word without = belongs to the value before it.
void set_all(Settings& settings, const std::string& text, const fs::path& path) {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ' ');) {
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos) {
      pairs.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    } else if (!pairs.empty()) {
      pairs.back().second += " " + word;
    }
  }
  for (const auto& [name, value] : pairs) try {
      settings.set(name, value);
    } catch (const OptionError& error) {
      fail("{}: the settings are '{}', but {}; they are for another version of the model", path.string(),
           shortened(visible(text), 300), error.what());
    }
}

}  // namespace

RunDirectory open_checkpoint(const Catalog& catalog, const fs::path& path) {
  const runtime::TensorFile file = runtime::read_safetensors(path);
  training::RunConfig config;
  config.model = metadata_text(file, path, "model");
  const Model* model = catalog.find(config.model);
  if (!model)
    fail("{}: a checkpoint of model {}, which this program does not know ({})", path.string(), brief(config.model),
         fmt::join(catalog.names(), ", "));
  Settings settings(*model);
  set_all(settings, metadata_text(file, path, "settings"), path);
  config.settings = settings.values();
  if (const auto seed = file.metadata.find("seed"); seed != file.metadata.end())
    config.session.seed = parse_number<std::uint64_t>(seed->second).value_or(config.session.seed);
  return RunDirectory::of_checkpoint(path, config, build_module(*model, settings));
}

fs::path write_picture(const RunDirectory& run, const std::optional<std::string>& to, const char* name,
                       const training::Canvas& picture) {
  if (!to) return run.write(name, picture.png());
  runtime::write_file(*to, picture.png());
  return *to;
}

void RunFlags::declare(Flags& flags) {
  flags.positional("RUN", name_, "A run's folder, a checkpoint, or a model, whose run is in run/MODEL");
  flags.group("Run");
  flags.add("run,out", out_, "DIR", "Folder of the run, if RUN is left out or names its model");
  flags.add("allow-nonfinite", allow_nonfinite_, "Accept weights that contain NaN or infinity");
  flags.add("batch", batch_, 1, "Batch size [the run's]");
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
  if (model.empty() && fs::is_regular_file(name)) return open_checkpoint(catalog_, name);
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
  options.allow_nonfinite = allow_nonfinite_;
  return options;
}

training::Session RunFlags::load(const RunDirectory& run, std::optional<std::int64_t> batch) const {
  return run.load(options(run, batch));
}

training::DatasetSplits RunFlags::data(const RunDirectory& run) const {
  const training::DataOptions options = data_.apply(run.config().data);
  if (run.is_checkpoint_alone() && options.folder.empty())
    fail("{}: a checkpoint does not name its data: give --data DIR or --data digits", run.checkpoint_path().string());
  return training::load_data(options);
}

}  // namespace weft::tools
