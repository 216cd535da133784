// Text cases: a file of graphs, each with a heading that says what to do with it and the text to expect.
//
//   // Free comments, up to the first case.
//   // case: a name
//   // pass: simplify,dce        <- the heading: `key: value` or `key`, up to the first other line
//   graph @g(...) { ... }        <- the input; comments may stand here
//   // expect:
//   graph @g(...) { ... }        <- the expectation, up to the next case; left out where it is the input itself
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::test {

struct Case {
  std::filesystem::path file;
  int line = 0;  // of `// case:`
  std::string name;
  std::vector<std::pair<std::string, std::string>> heading;  // in order
  std::string input;
  bool has_expectation = false;
  std::string expected;  // the input where has_expectation is false

  std::optional<std::string> find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key).has_value(); }
  std::string place() const;  // "tests/ir/ops.weft:12: case 'fused'"
};

struct CaseFile {
  std::filesystem::path path;
  std::string comments;  // before the first case
  std::vector<Case> cases;
};

// Throws Error "file:line: what" where the file does not follow the format above.
CaseFile read_case_file(const std::filesystem::path& path);
// The text of the file, which read_case_file reads back: what `bless` writes after it changed expectations.
std::string to_text(const CaseFile& file);

// `text` cut at `separator`, without blanks around the parts; no empty parts.
std::vector<std::string> split(std::string_view text, char separator);

}  // namespace weft::test
