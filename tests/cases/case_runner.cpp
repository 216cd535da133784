// Finds the executor of each case, runs it, prints what failed and rewrites expectations when told to.
#include "tests/cases/case_runner.h"

#include <algorithm>
#include <fstream>

#include "ir/error.h"
#include "ir/text/suggest.h"

namespace weft::test {

namespace fs = std::filesystem;

namespace {

bool matches(const std::string& pattern, const std::string& key) {
  if (pattern.back() != '*') return pattern == key;
  return key.compare(0, pattern.size() - 1, pattern, 0, pattern.size() - 1) == 0;
}

void check_heading(const CaseKind& kind, const Case& test_case) {
  for (const auto& [key, value] : test_case.heading) {
    const auto allowed = [&, &name = key](const std::string& pattern) { return matches(pattern, name); };
    if (key == kind.key || std::any_of(kind.keys.begin(), kind.keys.end(), allowed)) continue;
    fail("unknown key '{}' in the heading of a {} case{}", key, kind.key, did_you_mean(key, kind.keys));
  }
}

void write(const CaseFile& file) {
  std::ofstream stream(file.path);
  stream << to_text(file);
  if (!stream.flush()) fail("cannot write {}", file.path.string());
}

}  // namespace

Outcome expect_text(const Case& test_case, std::string actual) {
  if (!actual.empty() && actual.back() != '\n') actual += '\n';
  Outcome outcome;
  outcome.passed = actual == test_case.expected;
  outcome.actual = std::move(actual);
  if (outcome.passed) return outcome;
  const std::vector<std::string> want = split(test_case.expected, '\n');
  const std::vector<std::string> have = split(outcome.actual, '\n');
  std::size_t line = 0;
  while (line < want.size() && line < have.size() && want[line] == have[line]) ++line;
  outcome.message = fmt::format("differs at line {}\n  expected: {}\n  actual:   {}\nthe whole of it:\n{}", line + 1,
                                line < want.size() ? want[line] : "(the end)",
                                line < have.size() ? have[line] : "(the end)", outcome.actual);
  return outcome;
}

const CaseKind& CaseRunner::kind_of(const Case& test_case) const {
  std::vector<std::string> known;
  for (const CaseKind& kind : kinds_) known.push_back(kind.key);
  for (const auto& [key, value] : test_case.heading) {
    const auto found = std::find(known.begin(), known.end(), key);
    if (found != known.end()) return kinds_[std::size_t(found - known.begin())];
  }
  const std::string given = test_case.heading.empty() ? "" : test_case.heading.front().first;
  fail("the heading names no kind of case, it begins with '{}'{}", given, did_you_mean(given, known));
}

void CaseRunner::run_case(Case& test_case, bool& changed) {
  Outcome outcome;
  try {
    const CaseKind& kind = kind_of(test_case);
    check_heading(kind, test_case);
    outcome = kind.run(test_case);
  } catch (const std::exception& error) {
    outcome = {};
    outcome.passed = false;
    outcome.message = error.what();
  }
  if (!outcome.passed && bless_ && !outcome.actual.empty()) {
    test_case.expected = outcome.actual;
    test_case.has_expectation = true;
    outcome.passed = changed = true;
    fmt::print("{}: blessed\n", test_case.place());
  }
  for (const std::string& reason : outcome.skipped) fmt::print("{}: skipped {}\n", test_case.place(), reason);
  totals_.skipped += int(outcome.skipped.size());
  ++(outcome.passed ? totals_.passed : totals_.failed);
  if (!outcome.passed) fmt::print("{}: FAILED: {}\n", test_case.place(), outcome.message);
}

void CaseRunner::run_file(const fs::path& path) {
  CaseFile file = read_case_file(path);
  bool changed = false;
  for (Case& each : file.cases) run_case(each, changed);
  if (changed) write(file);
}

void CaseRunner::run(const fs::path& path) {
  if (!fs::is_directory(path)) {
    run_file(path);
    return;
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path))
    if (entry.path().extension() == ".weft") files.push_back(entry.path());
  if (files.empty()) fail("{} holds no *.weft file", path.string());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) run_file(file);
}

}  // namespace weft::test
