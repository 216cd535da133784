// Binds a command's flags to its variables. Built on CLI11, which only flags.cpp includes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/error.h"

namespace CLI {
class App;
}

namespace weft::tools {

// A wrong command line: an unknown command, flag, model or option, or an invalid value. Exit code 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

template <typename... Args>
[[noreturn]] void fail_usage(fmt::format_string<Args...> format, Args&&... args) {
  throw UsageError(fmt::format(format, std::forward<Args>(args)...));
}

// Names omit dashes: "epochs". Commas separate aliases: "kernels,profile". One letter is a short flag: "to,o". The
// value of a variable before parsing is the default that the help shows; an optional stays empty if the flag is not
// given.
class Flags {
 public:
  // `words` are the command line from the command on.
  Flags(CLI::App& app, std::vector<std::string> words) : app_(app), words_(std::move(words)) {}

  // Sets the help heading of the following flags.
  void group(const std::string& heading) { group_ = heading; }

  // The command line, which may decide what the help shows.
  const std::vector<std::string>& words() const { return words_; }
  bool shows_all() const;  // --help-all is given

  // Hides all flags declared so far except these from --help; --help-all shows all.
  void show_only(const std::vector<std::string>& names);
  // Text at the end of the help.
  void footer(const std::string& text);

  // An argument without dashes, by position; empty if not given. `name` is in capitals.
  void positional(const std::string& name, std::string& value, const std::string& doc);

  void add(const std::string& name, bool& value, const std::string& doc);
  void add(const std::string& name, std::string& value, const std::string& value_name, const std::string& doc);
  void add(const std::string& name, std::optional<std::string>& value, const std::string& value_name,
           const std::string& doc);
  // Whole numbers of at least `least`.
  void add(const std::string& name, std::int64_t& value, std::int64_t least, const std::string& doc);
  void add(const std::string& name, std::optional<std::int64_t>& value, std::int64_t least, const std::string& doc);
  // Finite numbers of at least 0, or above 0.
  enum class Range : std::uint8_t { positive, not_negative };
  void add(const std::string& name, double& value, Range range, const std::string& doc);
  void add(const std::string& name, std::optional<double>& value, Range range, const std::string& doc);
  // One of `choices`.
  void choose(const std::string& name, std::string& value, const std::vector<std::string>& choices,
              const std::string& doc);
  void choose(const std::string& name, std::optional<std::string>& value, const std::vector<std::string>& choices,
              const std::string& doc);

 private:
  void option(const std::string& name, const std::string& value_name, const std::string& fallback,
              const std::string& doc, std::function<void(const std::string&)> set);

  CLI::App& app_;
  std::vector<std::string> words_;
  std::string group_ = "Flags";
};

// A command: declare() binds its variables, run() runs it.
class Command {
 public:
  virtual ~Command() = default;
  virtual void declare(Flags& flags) = 0;
  virtual int run() = 0;  // returns the exit code
};

struct NamedCommand {
  std::string name;
  std::string group;  // heading in the help
  std::string summary;
  Command* command;
};

// Finds the command and fills its variables; returns nullptr after printing help or the version. Throws UsageError with
// the nearest name for an unknown name.
Command* parse_command_line(int argc, const char* const* argv, const std::string& description,
                            const std::vector<NamedCommand>& commands);

}  // namespace weft::tools
