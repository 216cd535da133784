// The runner of text cases: what it reads, what it refuses, what it rewrites.
#include "tests/cases/case_runner.h"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "tests/support/temp_folder.h"

namespace weft::test {
namespace {

constexpr std::string_view kFile =
    "// Comments.\n\n"
    "// case: right\n// upper\n// word: a b\nabc\n// expect:\nABC\n\n"
    "// case: wrong\n// upper\nx\ny\n// expect:\nX\nZ\n";

// Its one kind, `upper`, makes capitals; the input "skip" is skipped, and "throw" is an Error.
std::vector<CaseKind> kinds() {
  const auto run = [](const Case& test_case) {
    if (test_case.input == "throw\n") fail("thrown");
    std::string text = test_case.input;
    for (char& c : text) c = char(std::toupper(c));
    Outcome outcome = expect_text(test_case, text);
    if (test_case.input == "skip\n") outcome.skipped.push_back("cuda: no device");
    return outcome;
  };
  return {{"upper", "capitals", {"word", "input *"}, run}};
}

Totals run(const std::filesystem::path& path, bool bless = false) {
  CaseRunner runner(kinds(), bless);
  runner.run(path);
  return runner.totals();
}

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST_CASE("case file: parts, and the same text again") {
  const TempFolder folder;
  const CaseFile file = read_case_file(folder.write("a.weft", kFile));
  REQUIRE(file.cases.size() == 2);
  CHECK(file.cases[0].name == "right");
  CHECK(file.cases[0].line == 3);
  CHECK(file.cases[0].find("word") == "a b");
  CHECK(file.cases[0].input == "abc\n");
  CHECK(file.cases[1].expected == "X\nZ\n");
  CHECK_FALSE(file.cases[1].has("word"));
  CHECK(to_text(file) == kFile);
}

TEST_CASE("case file: an expectation left out is the input") {
  const TempFolder folder;
  const CaseFile file = read_case_file(folder.write("a.weft", "// case: a\n// upper\nABC\n"));
  CHECK(file.cases[0].expected == "ABC\n");
  CHECK(to_text(file) == "// case: a\n// upper\nABC\n");
}

TEST_CASE("case runner: counts what passed, failed and was skipped") {
  const TempFolder folder;
  folder.write("a.weft", kFile);
  folder.write("b.weft", "// case: s\n// upper\nskip\n// expect:\nSKIP\n\n// case: t\n// upper\nthrow\n");
  const Totals totals = run(folder.path());
  CHECK(totals.passed == 2);
  CHECK(totals.failed == 2);
  CHECK(totals.skipped == 1);
}

TEST_CASE("case runner: bless rewrites what differs and nothing else") {
  const TempFolder folder;
  const auto path = folder.write("a.weft", kFile);
  CHECK(run(path, true).failed == 0);
  std::string blessed(kFile);
  blessed.replace(blessed.rfind("Z"), 1, "Y");
  CHECK(read(path) == blessed);
  CHECK(run(path).failed == 0);
  const auto broken = folder.write("b.weft", "// case: t\n// upper\nthrow\n");
  CHECK(run(broken, true).failed == 1);
  CHECK(read(broken) == "// case: t\n// upper\nthrow\n");
}

TEST_CASE("case runner: a heading that is not understood fails") {
  const TempFolder folder;
  CHECK(run(folder.write("a.weft", "// case: a\n// uper\nX\n")).failed == 1);
  CHECK(run(folder.write("b.weft", "// case: a\n// upper\n// wrod: 1\nX\n")).failed == 1);
  CHECK(run(folder.write("c.weft", "// case: a\n// upper\n// input q: 1\nX\n")).failed == 0);
}

TEST_CASE("case runner: files that hold no case are errors, not successes") {
  const TempFolder folder;
  CHECK_ERROR(run(folder.path()), "holds no *.weft file");
  CHECK_ERROR(run(folder.write("a.weft", "// only comments\n")), "holds no '// case: name'");
  CHECK_ERROR(run(folder.write("b.weft", "text\n")), "text before the first '// case: name'");
  CHECK_ERROR(run(folder.write("c.weft", "// case:\n")), "a case needs a name");
  CHECK_ERROR(run(folder / "missing.weft"), "cannot read");
}

}  // namespace
}  // namespace weft::test
