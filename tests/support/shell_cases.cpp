// Reads, writes and runs shell cases.
#include "tests/support/shell_cases.h"

#include <sys/wait.h>

#include <cstdlib>
#include <sstream>

#include "ir/error.h"
#include "ir/text/number.h"
#include "runtime/atomic_file.h"

namespace weft::test {

namespace {

std::string without_folder(std::string text, const std::string& folder) {
  for (std::size_t at; (at = text.find(folder)) != std::string::npos;) text.replace(at, folder.size(), "FOLDER");
  return text;
}

constexpr std::string_view case_mark = "== ", exit_mark = "-- exit ";

}  // namespace

ShellCaseFile read_shell_cases(const std::filesystem::path& path) {
  ShellCaseFile file;
  std::istringstream lines(runtime::read_file(path));
  bool in_script = false;
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const auto wrong = [&](const char* what) { fail("{}:{}: {}", path.string(), number, what); };
    if (line.starts_with(case_mark)) {
      if (in_script) wrong("the previous case has no '-- exit N'");
      file.cases.push_back({line.substr(case_mark.size()), "", 0, ""});
      in_script = true;
    } else if (line.starts_with(exit_mark)) {
      const auto code = parse_number<int>(std::string_view(line).substr(exit_mark.size()));
      if (!in_script || !code) wrong("'-- exit N' follows a script");
      file.cases.back().exit_code = *code;
      in_script = false;
    } else if (file.cases.empty()) {
      file.comments += line + "\n";
    } else {
      (in_script ? file.cases.back().script : file.cases.back().errors) += line + "\n";
    }
  }
  if (file.cases.empty() || in_script) fail("{}: it has no complete case", path.string());
  // Ignores an empty line before the next case.
  for (ShellCase& each : file.cases)
    while (each.errors.ends_with("\n\n") || each.errors == "\n") each.errors.pop_back();
  return file;
}

std::string to_text(const ShellCaseFile& file) {
  std::string text = file.comments;
  for (std::size_t i = 0; i < file.cases.size(); ++i) {
    const ShellCase& each = file.cases[i];
    text += fmt::format("{}{}{}\n{}{}{}\n{}", i == 0 ? "" : "\n", case_mark, each.name, each.script, exit_mark,
                        each.exit_code, each.errors);
  }
  return text;
}

ShellResult run_shell(const std::string& script, const std::filesystem::path& folder) {
  const std::filesystem::path program(WEFT_PROGRAM);
  const std::filesystem::path file = folder / ".script", output = folder / ".output", errors = folder / ".errors";
  runtime::write_file(file, script);
  const std::string command = fmt::format("cd '{}' && PATH='{}':\"$PATH\" sh .script >.output 2>.errors </dev/null",
                                          folder.string(), program.parent_path().string());
  const int status = std::system(command.c_str());
  const auto text = [&](const auto& path) { return without_folder(runtime::read_file(path), folder.string()); };
  ShellResult result{WIFEXITED(status) ? WEXITSTATUS(status) : -1, text(output), text(errors)};
  for (const auto& path : {file, output, errors}) std::filesystem::remove(path);
  return result;
}

}  // namespace weft::test
