// Runs a command line and converts errors to messages and exit codes.
#include "tools/main.h"

#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <optional>
#include <system_error>

#include "ir/error.h"
#include "ir/visible.h"
#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/console/interrupt.h"

namespace weft {

namespace {

using tools::Catalog;
using tools::Command;

constexpr int kUserError = 1;
constexpr int kUsageError = 2;
constexpr int kInternalError = 70;  // EX_SOFTWARE of sysexits.h
constexpr const char* kOutputFailed = "cannot write to standard output; is its disk full?";

int run_command(int argc, char** argv, const Catalog& catalog) {
  std::vector<std::unique_ptr<Command>> made;
  std::vector<tools::NamedCommand> commands;
  for (const tools::CommandInfo& info : tools::all_commands()) {
    made.push_back(info.make(catalog));
    commands.push_back({info.name, info.group, info.summary, made.back().get()});
  }
  Command* command = tools::parse_command_line(
      argc, argv, "Weft: an ahead-of-time compiler for models that learn representations", commands);
  return command ? command->run() : 0;
}

void check_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) fail("{}", kOutputFailed);
}

int say(const std::string& program, int exit_code, const char* what) {
  std::fflush(stdout);
  const char* kind = exit_code == kInternalError ? "" : "error: ";
  tools::put_text(stderr, fmt::format("{}: {}{}\n", program, kind, visible_message(what)));
  return exit_code;
}

int run_program(int argc, char** argv, std::optional<Model> own) {
  const std::string program = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "weft";
  std::signal(SIGXFSZ, SIG_IGN);  // makes exceeding the file size limit an error instead of a fatal signal
  try {
    const tools::SignalWatch watch;  // before any thread starts
    const Catalog catalog(std::move(own));
    const int exit_code = run_command(argc, argv, catalog);
    if (exit_code == 0) check_output();
    return exit_code;
  } catch (const tools::UsageError& error) {
    return say(program, kUsageError, error.what());
  } catch (const OptionError& error) {
    return say(program, kUsageError, error.what());
  } catch (const Error& error) {
    return say(program, kUserError, error.what());
  } catch (const InternalError& error) {
    return say(program, kInternalError, error.what());
  } catch (const std::bad_alloc&) {
    return say(program, kUserError, "not enough memory; try a smaller --batch or model");
  } catch (const std::system_error& error) {  // from fmt, if standard output is full or closed
    return say(program, kUserError, error.code() == std::errc::no_space_on_device ? kOutputFailed : error.what());
  } catch (const std::exception& error) {
    return say(program, kInternalError,
               fmt::format("internal error: {} (this is a bug in Weft, please report it)", error.what()).c_str());
  }
}

}  // namespace

int main(int argc, char** argv, const Model& own) { return run_program(argc, argv, own); }
int main(int argc, char** argv) { return run_program(argc, argv, {}); }

}  // namespace weft
