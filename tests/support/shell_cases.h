// Shell cases: a file of short scripts, each with the exit code and the standard error to expect.
//
//   # Free comments, up to the first case.
//   == a name
//   weft tarin vae            <- the script, for sh
//   -- exit 2
//   weft: error: ...          <- what it writes to standard error, up to the next case
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

// Throws Error "file:line: what" where the file does not follow the format.
ShellCaseFile read_shell_cases(const std::filesystem::path& path);
// The text of the file, which read_shell_cases reads back.
std::string to_text(const ShellCaseFile& file);

struct ShellResult {
  int exit_code = 0;
  std::string output, errors;
};
// Runs the script with sh in `folder`, with `weft` in its path. What it writes names that folder FOLDER.
ShellResult run_shell(const std::string& script, const std::filesystem::path& folder);

}  // namespace weft::test
