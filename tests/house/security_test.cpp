// SECURITY.md: the tests that it names are there; and the promise that no other test holds, where files are written.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "runtime/atomic_file.h"
#include "tests/support/idx_data.h"
#include "tests/support/shell_cases.h"
#include "tests/support/temp_folder.h"

namespace fs = std::filesystem;
using weft::runtime::read_file;
using weft::test::run_shell;
using weft::test::TempFolder;

namespace {

std::set<std::string> files_in(const fs::path& folder) {
  std::set<std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    files.insert(entry.path().lexically_relative(folder).string());
  return files;
}

}  // namespace

TEST_CASE("SECURITY.md names tests that exist") {
  const fs::path root = WEFT_SOURCE_DIR;
  std::string page = read_file(root / "SECURITY.md");
  std::ranges::replace(page, '\n', ' ');  // a name may go on in the next line
  int files = 0, cases = 0;
  constexpr std::string_view kFile = "`tests/", kName = "`: \"";  // `tests/unit/x_test.cpp`: "a test case"
  for (std::size_t at = 0; (at = page.find(kFile, at)) != std::string::npos;) {
    const std::size_t end = page.find('`', at + 1);
    const std::string file = page.substr(at + 1, end - at - 1);
    CAPTURE(file);
    ++files;
    REQUIRE(fs::exists(root / file));
    at = end;
    if (page.compare(end, kName.size(), kName) != 0) continue;
    const std::size_t name = end + kName.size();
    const std::string test = "TEST_CASE(\"" + page.substr(name, page.find('"', name) - name) + "\")";
    CAPTURE(test);
    ++cases;
    CHECK(read_file(root / file).find(test) != std::string::npos);
  }
  MESSAGE(files << " files, " << cases << " cases");
  CHECK(cases >= 10);
}

TEST_CASE("commands write into the run folder and nowhere else") {
  const TempFolder folder;
  weft::test::write_idx_folder(folder, "data", 8, 40, 12);
  fs::create_directory(folder / "home");
  const std::set<std::string> before = files_in(folder.path());
  const std::string here = "'" + folder.path().string() + "/home'";
  const std::string settings = "HOME=" + here + " TMPDIR=" + here + " XDG_CACHE_HOME= ";
  int commands = 0;
  for (const std::string command : {
           "train vae --data data --hidden 6 --latent 2 --batch 4 --threads 2 --epochs 2 --out mine",
           "train --resume --out mine --epochs 3",
           "eval mine",
           "reconstruct mine",
           "sample mine",
           "interpolate mine",
           "latent mine",
           "embed --run mine",
           "report mine",
           "dump vae --hidden 6 --latent 2 --stage planned",
           "bench vae --hidden 6 --latent 2 --batch 4 --seconds 0.1",
       }) {
    const auto result = run_shell(settings + "weft " + command, folder.path());
    CAPTURE(command);
    CAPTURE(result.errors);
    CHECK(result.exit_code == 0);
    ++commands;
    for (const std::string& file : files_in(folder.path())) {
      CAPTURE(file);
      CHECK((before.contains(file) || file == "mine" || file.starts_with("mine/")));
    }
  }
  MESSAGE(commands << " commands");
}
