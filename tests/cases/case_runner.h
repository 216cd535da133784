// Runs text cases: each by the executor of its kind, which is the first key of its heading that names one.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tests/cases/case_file.h"

namespace weft::test {

struct Outcome {
  bool passed = true;
  std::string actual;                // what `bless` writes as the expectation; empty where there is nothing to write
  std::string message;               // why it failed
  std::vector<std::string> skipped;  // what was not done, each with its reason
};

// Throws Error where the case itself is wrong: its input, its heading.
using Executor = std::function<Outcome(const Case&)>;

struct CaseKind {
  std::string key;                // of the heading: "pass"
  std::string doc;                // one line
  std::vector<std::string> keys;  // other keys that the heading may have; a last '*' stands for any ending
  Executor run;
};

// Compares texts; a difference is shown from its first line on.
Outcome expect_text(const Case& test_case, std::string actual);

// The kinds that this build has: case_kinds.cpp.
std::vector<CaseKind> all_case_kinds();

struct Totals {
  int passed = 0, failed = 0, skipped = 0;
};

class CaseRunner {
 public:
  explicit CaseRunner(std::vector<CaseKind> kinds, bool bless) : kinds_(std::move(kinds)), bless_(bless) {}

  // A file, or a folder's *.weft files in order of name. Failures and skips are printed. Throws Error for a file that
  // cannot be read and for a folder without cases.
  void run(const std::filesystem::path& path);
  const Totals& totals() const { return totals_; }

 private:
  void run_file(const std::filesystem::path& path);
  void run_case(Case& test_case, bool& changed);
  const CaseKind& kind_of(const Case& test_case) const;

  std::vector<CaseKind> kinds_;
  bool bless_;
  Totals totals_;
};

}  // namespace weft::test
