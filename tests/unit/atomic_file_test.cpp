// Files appear whole or not at all, whatever goes wrong.
#include "runtime/atomic_file.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "runtime/safetensors.h"
#include "tests/unit/temp_folder.h"

namespace weft::runtime {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

TEST_CASE("atomic file: nothing is seen before the commit, all after it") {
  const TempFolder folder;
  const fs::path path = folder.write("a", "old");
  {
    AtomicFile file(path);
    file.write("new ");
    file.write("text");
    CHECK(read_file(path) == "old");
    file.commit();
    CHECK(read_file(path) == "new text");
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("atomic file: without a commit the old file stays and the temporary goes") {
  const TempFolder folder;
  const fs::path path = folder.write("a", "old");
  { AtomicFile(path).write("new"); }
  CHECK(read_file(path) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("atomic file: a full disk") {
  const TempFolder folder;
  const fs::path path = folder.write("weights.safetensors", "old");
  const NamedTensors large{{"w", HostTensor::zeros(ir::DType::f32, {1 << 18})}};
  std::string message;
  {
    const test::FileSizeLimit limit(1 << 16);
    message = test::error_of([&] { write_safetensors(path, large); });
  }
  INFO(message);
  CHECK(test::contains(message, path.string()));
  CHECK(test::contains(message, "File too large"));
  CHECK(read_file(path) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("atomic file: places that cannot be written") {
  const TempFolder folder;
  CHECK_ERROR(write_file(folder / "no/such/folder/a", "x"), "No such file or directory; create the folder first");
  CHECK_ERROR(write_file(folder.path(), "x"), "not a regular file");
  CHECK_ERROR(write_file("/dev/full", "x"), "cannot write /dev/full: it exists and is not a regular file");
  CHECK_ERROR(write_file("", "x"), "a file name is missing");
  CHECK_ERROR(write_file(folder / "sub/", "x"), "a file name is missing");
  CHECK_ERROR(read_file(folder / "missing"), "No such file");
  CHECK_ERROR(read_file(folder.path()), "Is a directory");
  if (::geteuid() != 0) CHECK_ERROR(write_file("/proc/weft", "x"), "cannot create /proc/weft");
  CHECK(folder.entries() == 0);
}

TEST_CASE("atomic file: a link keeps being a link, the longest name works") {
  const TempFolder folder;
  folder.write("target", "old");
  fs::create_symlink("target", folder / "link");
  write_file(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read_file(folder / "target") == "new");
  const fs::path longest = folder / std::string(255, 'n');
  write_file(longest, "x");
  CHECK(read_file(longest) == "x");
}

}  // namespace
}  // namespace weft::runtime
