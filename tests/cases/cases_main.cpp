// cases [--bless] FILE_OR_FOLDER...: runs text cases; --bless, or WEFT_BLESS=1, rewrites the expectations that differ.
#include <cstdlib>
#include <cstring>

#include "ir/error.h"
#include "tests/cases/case_runner.h"

int main(int argc, char** argv) {
  const char* setting = std::getenv("WEFT_BLESS");
  bool bless = setting != nullptr && std::strcmp(setting, "1") == 0;
  std::vector<std::filesystem::path> paths;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--bless") == 0)
      bless = true;
    else
      paths.emplace_back(argv[i]);
  }
  if (paths.empty()) {
    fmt::print(stderr, "usage: cases [--bless] FILE_OR_FOLDER...\nkinds of case:\n");
    for (const auto& kind : weft::test::all_case_kinds()) fmt::print(stderr, "  {:10} {}\n", kind.key, kind.doc);
    return 2;
  }
  weft::test::CaseRunner runner(weft::test::all_case_kinds(), bless);
  try {
    for (const auto& path : paths) runner.run(path);
  } catch (const weft::Error& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 2;
  }
  const weft::test::Totals& totals = runner.totals();
  fmt::print("{} passed, {} failed, {} skipped\n", totals.passed, totals.failed, totals.skipped);
  return totals.failed == 0 ? 0 : 1;
}
