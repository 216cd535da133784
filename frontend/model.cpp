// Settings, and the check of a module against the conventions of model.h.
#include "frontend/model.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "ir/error.h"
#include "ir/text/number.h"
#include "ir/text/suggest.h"

namespace weft {

// Settings

namespace {

template <typename... Args>
[[noreturn]] void fail_option(fmt::format_string<Args...> format, Args&&... args) {
  throw OptionError(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace

Settings::Settings(const Model& model)
    : values_{{"height", "28"}, {"width", "28"}, {"channels", "1"}, {"classes", "10"}} {
  for (const Option& option : model.options) values_[option.name] = option.fallback;
}

namespace {

std::vector<std::string> names(const std::map<std::string, std::string>& values) {
  std::vector<std::string> result;
  for (const auto& [name, value] : values) result.push_back(name);
  return result;
}

std::string at_least(std::int64_t least) { return fmt::format("of at least {}", least); }

}  // namespace

void Settings::set(const std::string& name, const std::string& value) {
  const auto found = values_.find(name);
  if (found == values_.end()) fail_option("the model has no option --{}{}", name, did_you_mean(name, names(values_)));
  found->second = value;
}

const std::string& Settings::text(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end())
    fail("the model reads an option --{} that its list of options lacks{}", name, did_you_mean(name, names(values_)));
  return found->second;
}

const std::string& Settings::choice(const std::string& name, const std::vector<std::string>& choices) const {
  const std::string& value = text(name);
  if (std::find(choices.begin(), choices.end(), value) == choices.end())
    fail_option("--{} takes {}, got '{}'{}", name, fmt::join(choices, " or "), value, did_you_mean(value, choices));
  return value;
}

std::int64_t Settings::integer(const std::string& name, std::int64_t least) const {
  const std::optional<std::int64_t> number = parse_number<std::int64_t>(text(name));
  if (!number || *number < least)
    fail_option("--{} takes a whole number {}, got '{}'", name, at_least(least), text(name));
  return *number;
}

std::vector<std::int64_t> Settings::integers(const std::string& name, std::int64_t least) const {
  const std::string& list = text(name);
  std::vector<std::int64_t> numbers;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t comma = std::min(list.find(',', begin), list.size());
    const std::optional<std::int64_t> number = parse_number<std::int64_t>(list.substr(begin, comma - begin));
    if (!number || *number < least || comma + 1 == list.size())
      fail_option("--{} takes whole numbers {} with commas between, as 400,200, got '{}'", name, at_least(least), list);
    numbers.push_back(*number);
    begin = comma + 1;
  }
  return numbers;
}

double Settings::number(const std::string& name) const {
  const std::optional<double> number = parse_number<double>(text(name));
  if (!number || !std::isfinite(*number)) fail_option("--{} takes a number, got '{}'", name, text(name));
  return *number;
}

bool Settings::flag(const std::string& name) const { return choice(name, {"true", "false"}) == "true"; }

// Conventions

namespace {

struct Convention {
  std::string entry;
  std::string input;                 // the first input
  std::vector<std::string> outputs;  // required outputs
};

const std::vector<Convention> kConventions = {
    {"loss", "x", {"loss"}}, {"test", "x", {"loss"}},        {"encode", "x", {"latent"}},
    {"decode", "z", {"x"}},  {"reconstruct", "x", {"xhat"}}, {"classify", "x", {"logits"}},
};

void check_entry(const std::string& model, const ir::Graph& entry, const Convention& convention) {
  const auto wrong = [&](const std::string& what) { fail("model '{}', entry \"{}\": {}", model, entry.name, what); };
  if (entry.find_input(convention.input) == ir::kNone) wrong(fmt::format("needs an input \"{}\"", convention.input));
  for (const std::string& output : convention.outputs)
    if (entry.find_output(output) == ir::kNone) wrong(fmt::format("needs an output \"{}\"", output));
  if (convention.outputs.front() != "loss") return;
  for (const ir::Output& output : entry.outputs)
    if (output.donates == ir::kNone && entry.type(output.value) != ir::f32({}))
      wrong(fmt::format("the output \"{}\" must be a scalar f32[], got {}", output.name,
                        to_string(entry.type(output.value))));
}

}  // namespace

ir::Module build_module(const Model& model, const Settings& settings) {
  ir::Module module = model.build(settings);
  if (!module.find("loss")) fail("model '{}' has no entry \"loss\" to train", model.name);
  for (const Convention& convention : kConventions)
    if (const ir::Graph* entry = module.find(convention.entry)) check_entry(model.name, *entry, convention);
  return module;
}

}  // namespace weft
