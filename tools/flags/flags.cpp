// Parses flags with CLI11 and reports wrong command lines.
#include "tools/flags/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "ir/text/number.h"
#include "ir/text/suggest.h"
#include "tools/console/console.h"

namespace weft::tools {

// --- Values --------------------------------------------------------------------------------------------------------

namespace {

constexpr const char* kHelpAll = "--help-all";

// "to,o" in command-line form: "--to,-o".
std::string dashed(const std::string& name) {
  std::string result;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find(',', begin), name.size());
    result +=
        fmt::format("{}{}{}", begin == 0 ? "" : ",", end - begin == 1 ? "-" : "--", name.substr(begin, end - begin));
    begin = end + 1;
  }
  return result;
}

std::int64_t whole_number(const std::string& name, const std::string& text, std::int64_t least) {
  const std::optional<std::int64_t> number = parse_number<std::int64_t>(text);
  if (!number || *number < least) fail_usage("--{} takes a whole number of at least {}, got '{}'", name, least, text);
  return *number;
}

double real_number(const std::string& name, const std::string& text, Flags::Range range) {
  const std::optional<double> number = parse_number<double>(text);
  const bool positive = range == Flags::Range::positive;
  if (!number || !std::isfinite(*number) || *number < 0 || (positive && *number == 0))
    fail_usage("--{} takes a number {}, got '{}'", name, positive ? "above 0" : "of at least 0", text);
  return *number;
}

std::string choice(const std::string& name, const std::string& text, const std::vector<std::string>& choices) {
  if (std::ranges::find(choices, text) == choices.end())
    fail_usage("--{} takes {}, got '{}'", name, fmt::join(choices, ", "), text);
  return text;
}

}  // namespace

void Flags::option(const std::string& name, const std::string& value_name, const std::string& fallback,
                   const std::string& doc, std::function<void(const std::string&)> set) {
  if (app_.get_option_no_throw(dashed(name)))
    fail("two flags are named --{}; if one is your model's option, rename it", name);
  app_.add_option_function<std::string>(dashed(name), set,
                                        fallback.empty() ? doc : fmt::format("{} [{}]", doc, fallback))
      ->type_name(value_name)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
      ->group(group_);
}

bool Flags::shows_all() const { return std::ranges::find(words_, kHelpAll) != words_.end(); }

void Flags::show_only(const std::vector<std::string>& names) {
  if (shows_all()) return;
  for (CLI::Option* option : app_.get_options()) {
    const std::vector<std::string>& own = option->get_lnames();
    const auto is_shown = [&](const std::string& name) { return std::ranges::find(names, name) != names.end(); };
    if (!own.empty() && own.front() != "help" && std::ranges::none_of(own, is_shown)) option->group("");
  }
}

void Flags::footer(const std::string& text) { app_.footer(text); }

void Flags::positional(const std::string& name, std::string& value, const std::string& doc) {
  app_.add_option(name, value, doc)->type_name("");
}

void Flags::add(const std::string& name, bool& value, const std::string& doc) {
  app_.add_flag(dashed(name), value, doc)->group(group_);
}

void Flags::add(const std::string& name, std::string& value, const std::string& value_name, const std::string& doc) {
  option(name, value_name, value, doc, [&value](const std::string& text) { value = text; });
}

void Flags::add(const std::string& name, std::optional<std::string>& value, const std::string& value_name,
                const std::string& doc) {
  option(name, value_name, "", doc, [&value](const std::string& text) { value = text; });
}

void Flags::add(const std::string& name, std::int64_t& value, std::int64_t least, const std::string& doc) {
  option(name, "N", fmt::format("{}", value), doc,
         [=, &value](const std::string& text) { value = whole_number(name, text, least); });
}

void Flags::add(const std::string& name, std::optional<std::int64_t>& value, std::int64_t least,
                const std::string& doc) {
  option(name, "N", "", doc, [=, &value](const std::string& text) { value = whole_number(name, text, least); });
}

void Flags::add(const std::string& name, double& value, Range range, const std::string& doc) {
  option(name, "X", fmt::format("{:g}", value), doc,
         [=, &value](const std::string& text) { value = real_number(name, text, range); });
}

void Flags::add(const std::string& name, std::optional<double>& value, Range range, const std::string& doc) {
  option(name, "X", "", doc, [=, &value](const std::string& text) { value = real_number(name, text, range); });
}

void Flags::choose(const std::string& name, std::string& value, const std::vector<std::string>& choices,
                   const std::string& doc) {
  option(name, fmt::format("{}", fmt::join(choices, "|")), value, doc,
         [=, &value](const std::string& text) { value = choice(name, text, choices); });
}

void Flags::choose(const std::string& name, std::optional<std::string>& value, const std::vector<std::string>& choices,
                   const std::string& doc) {
  option(name, fmt::format("{}", fmt::join(choices, "|")), "", doc,
         [=, &value](const std::string& text) { value = choice(name, text, choices); });
}

// --- The command line ----------------------------------------------------------------------------------------------

namespace {

std::vector<std::string> flag_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

bool is_flag(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

// Rejects words that no flag or positional of `app` took.
void refuse_rest(const CLI::App& app, const std::string& place) {
  const std::vector<std::string> rest = app.remaining();
  if (rest.empty()) return;
  const auto flag = std::ranges::find_if(rest, is_flag);
  if (flag == rest.end()) fail_usage("{} does not take '{}'; see {} --help", place, rest.front(), place);
  const std::string name = flag->substr(0, flag->find('='));
  fail_usage("{} has no flag {}{}", place, name, did_you_mean(name, flag_names(app)));
}

void refuse_command(const CLI::App& app, const std::vector<NamedCommand>& commands) {
  const std::vector<std::string> rest = app.remaining();
  if (rest.empty()) fail_usage("no command is given; see {} --help", app.get_name());
  if (is_flag(rest.front())) refuse_rest(app, app.get_name());
  std::vector<std::string> names;
  for (const NamedCommand& each : commands) names.push_back(each.name);
  fail_usage("there is no command '{}'{}", rest.front(), did_you_mean(rest.front(), names));
}

void parse(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string what = error.what();  // "--epochs: 1 required N missing"
    fail_usage("{} needs a value", what.substr(0, what.find(':')));
  }
}

}  // namespace

Command* parse_command_line(int argc, const char* const* argv, const std::string& description,
                            const std::vector<NamedCommand>& commands) {
  const std::string program = std::filesystem::path(argv[0]).filename().string();
  CLI::App app(description, program);
  app.allow_extras();
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", "weft " WEFT_VERSION, "Print the version");
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  std::vector<std::pair<CLI::App*, Command*>> parts;
  for (const NamedCommand& each : commands) {
    CLI::App* part = app.add_subcommand(each.name, each.summary)->group(each.group);
    part->allow_extras();
    part->set_help_flag("-h,--help,--help-all", "Print this help; --help-all prints every flag");
    const bool is_chosen = !words.empty() && words.front() == each.name;
    Flags flags(*part, is_chosen ? words : std::vector<std::string>());
    each.command->declare(flags);
    parts.emplace_back(part, each.command);
  }
  try {
    parse(app, argc, argv);
  } catch (const CLI::CallForHelp&) {
    put_text(stdout, app.help());
    return nullptr;
  } catch (const CLI::CallForVersion& version) {
    put("{}\n", version.what());
    return nullptr;
  } catch (const CLI::ParseError& error) {
    fail_usage("{}", error.what());
  }
  for (const auto& [part, command] : parts) {
    if (!part->parsed()) continue;
    refuse_rest(*part, fmt::format("{} {}", program, part->get_name()));
    refuse_rest(app, program);
    return command;
  }
  refuse_command(app, commands);
  return nullptr;
}

}  // namespace weft::tools
