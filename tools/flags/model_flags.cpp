// Chooses and builds a model.
#include "tools/flags/model_flags.h"

#include <algorithm>

#include "ir/text/number.h"
#include "ir/text/parse.h"
#include "ir/text/suggest.h"
#include "runtime/atomic_file.h"
#include "tools/console/console.h"
#include "training/runs/illustrate.h"

namespace weft::tools {

// --- Declaring -----------------------------------------------------------------------------------------------------

void ModelFlags::declare(Flags& flags, const std::string& what) {
  std::string doc = fmt::format("{}: {}", what, fmt::join(catalog_.names(), ", "));
  if (catalog_.fallback()) doc += fmt::format(" [{}]", catalog_.fallback()->name);
  flags.positional("MODEL", name_, doc);

  // If a model is named, the help shows only its options; otherwise all options if --help-all is given.
  const auto named = std::ranges::find_if(flags.words(), [&](const std::string& word) { return catalog_.find(word); });
  const Model* only = named != flags.words().end() ? catalog_.find(*named) : catalog_.fallback();
  const auto is_shown = [&](const Model& model) { return flags.shows_all() || &model == only; };

  // Models share option names: one flag each, with the description and default of every model that has it.
  std::map<std::string, std::vector<std::pair<std::string, std::string>>> docs;  // by option: description, models
  for (const Model& model : catalog_.models())
    for (const Option& option : model.options) {
      auto& of_option = docs[option.name];
      if (!is_shown(model)) continue;
      const std::string words = fmt::format("{} [{}]", option.doc, option.fallback);
      const auto same = std::ranges::find(of_option, words, &std::pair<std::string, std::string>::first);
      if (same == of_option.end())
        of_option.emplace_back(words, model.name);
      else
        same->second += ", " + model.name;
    }
  const bool of_one = only && !flags.shows_all();
  for (const auto& [option, of_option] : docs) {
    flags.group(of_option.empty() ? "" : of_one ? "Options of " + only->name : "Options of the models");
    std::vector<std::string> texts;
    for (const auto& [words, models] : of_option) texts.push_back(of_one ? words : models + ": " + words);
    flags.add(option, options_[option], "TEXT", fmt::format("{}", fmt::join(texts, "; ")));
  }
}

void ModelFlags::declare_size(Flags& flags) {
  flags.group("Model");
  flags.add("size", size_, "CxHxW", "Channels, height and width of the images [1x28x28]");
}

std::map<std::string, std::string> ModelFlags::given() const {
  std::map<std::string, std::string> given;
  for (const auto& [option, value] : options_)
    if (value) given[option] = *value;
  return given;
}

// --- Choosing ------------------------------------------------------------------------------------------------------

const Model& ModelFlags::model() const {
  if (!is_named() && !catalog_.fallback()) fail_usage("name a model: {}", fmt::join(catalog_.names(), ", "));
  const Model& model = is_named() ? catalog_.need(name_) : *catalog_.fallback();
  std::vector<std::string> known;
  for (const Option& option : model.options) known.push_back("--" + option.name);
  for (const auto& [option, value] : given())
    if (std::ranges::find(known, "--" + option) == known.end())
      fail_usage("the model {} has no option --{}{}", model.name, option, did_you_mean("--" + option, known));
  return model;
}

void set_sizes(Settings& settings, const training::Dataset& data) {
  const training::ImageShape shape = training::image_shape(data);
  settings.set("channels", fmt::format("{}", shape[0]));
  settings.set("height", fmt::format("{}", shape[1]));
  settings.set("width", fmt::format("{}", shape[2]));
  settings.set("classes", fmt::format("{}", data.classes));
}

namespace {

// Parses "3x32x32".
void set_sizes(Settings& settings, const std::string& text) {
  std::string rest = text;
  for (const char* name : {"channels", "height", "width"}) {
    const std::size_t end = std::min(rest.find('x'), rest.size());
    const std::string number = rest.substr(0, end);
    const bool is_last = end == rest.size();
    if (parse_number<std::int64_t>(number).value_or(0) < 1 || is_last != (std::string(name) == "width"))
      fail_usage("--size takes channels, height and width, such as 3x32x32; got '{}'", text);
    settings.set(name, number);
    rest.erase(0, is_last ? end : end + 1);
  }
}

// Elements per row of a value whose first dim is the batch.
std::int64_t row_elements(const ir::Type& type) {
  std::int64_t elements = 1;
  for (std::size_t i = 1; i < type.rank(); ++i) elements *= ir::number(type.dims[i]);
  return elements;
}

// A denoising model cannot succeed by copying its input.
bool denoises(const ir::Module& module) {
  const ir::Graph* reconstruct = module.find("reconstruct");
  return reconstruct && reconstruct->find_output("noisy") != ir::kNone;
}

void warn_of_wide_code(const ir::Module& module) {
  const ir::Graph* encode = module.find("encode");
  if (!encode || !module.find("decode")) return;
  const ir::Type& picture = encode->type(encode->inputs[encode->find_input("x")].value);
  const ir::Type& code = encode->type(encode->outputs[encode->find_output("latent")].value);
  if (row_elements(code) >= row_elements(picture) && !denoises(module))
    warn(
        "the code has {} numbers and an image {}: the model can copy images and need not "
        "learn to compress them",
        row_elements(code), row_elements(picture));
}

}  // namespace

Subject ModelFlags::build(const training::Dataset* data) const {
  const Model& chosen = model();
  Settings settings(chosen);
  if (data) set_sizes(settings, *data);
  if (size_) set_sizes(settings, *size_);
  for (const auto& [option, value] : given()) settings.set(option, value);
  Subject subject{chosen.name, settings.values(), build_module(chosen, settings)};
  warn_of_wide_code(subject.module);
  return subject;
}

Subject ModelFlags::build_or_read() const {
  if (!name_.ends_with(".weft")) return build();
  if (!given().empty()) fail_usage("a .weft file takes no model options; omit --{}", given().begin()->first);
  ir::Module module = ir::parse(runtime::read_file(name_), name_);
  return {module.name.empty() ? name_ : module.name, {}, std::move(module)};
}

}  // namespace weft::tools
