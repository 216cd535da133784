// Shell cases: a file of short scripts, each with the expected exit code and standard error.
//
//   # Comments, up to the first case.
//   == a name
//   weft tarin vae            <- the script, for sh
//   -- exit 2
//   weft: error: ...          <- expected standard error, up to the next case
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace weft::test {

struct ShellCase {
  std::string name;
  std::string script;
  int exit_code = 0;
  std::string errors;
};

struct ShellCaseFile {
  std::string comments;
  std::vector<ShellCase> cases;
};

// Throws Error "file:line: what" if the file breaks the format.
ShellCaseFile read_shell_cases(const std::filesystem::path& path);
// The file's text, as read_shell_cases reads it.
std::string to_text(const ShellCaseFile& file);

struct ShellResult {
  int exit_code = 0;
  std::string output, errors;
};
// Runs the script with sh in `folder`, with `weft` on the PATH. Replaces the folder's path in the output by FOLDER.
ShellResult run_shell(const std::string& script, const std::filesystem::path& folder);

}  // namespace weft::test
