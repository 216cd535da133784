// Files appear whole or not at all, whatever goes wrong.
#include "runtime/atomic_file.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/safetensors.h"
#include "tests/support/temp_folder.h"

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

TEST_CASE("atomic file: the sweep takes what dead processes left, and nothing else") {
  const TempFolder folder;
  const pid_t dead = ::fork();  // whose number no process has for a while
  if (dead == 0) ::_exit(0);
  ::waitpid(dead, nullptr, 0);
  const auto temporary = [&](const std::string& name, pid_t process) {
    folder.write("." + name + ".tmp-" + std::to_string(process) + "-0", "x");
  };
  temporary("model.weft", dead);
  temporary("a.tmp-1-1", dead);  // a name that looks like one itself
  temporary("own", ::getpid());  // of an earlier process of this number
  const std::size_t swept = folder.entries();
  temporary("alive", ::getppid());
  temporary("", dead);  // "..tmp-": of no file
  const std::string number = std::to_string(dead);
  for (const std::string& name : std::vector<std::string>{
           "model.tmp-" + number + "-0", ".model.tmp-" + number, ".model.tmp-" + number + "-0x", ".model.tmp--1-0",
           ".model.tmp-99999999999-0", ".model.tmp-" + number + "-", ".model.tmp-0-0", ".lock", "holiday.png"})
    folder.write(name, "x");
  fs::create_directory(folder / (".folder.tmp-" + number + "-0"));
  fs::create_symlink("holiday.png", folder / (".link.tmp-" + number + "-0"));
  const std::size_t before = folder.entries();
  sweep_temporaries(folder.path());
  CHECK(folder.entries() == before - swept);
  CHECK_FALSE(fs::exists(folder / (".model.weft.tmp-" + number + "-0")));
  sweep_temporaries(folder / "missing");
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
  write_file(folder / "link", "newer", Links::replace);
  CHECK_FALSE(fs::is_symlink(folder / "link"));
  CHECK(read_file(folder / "link") == "newer");
  CHECK(read_file(folder / "target") == "new");
  fs::create_symlink("nowhere", folder / "dangling");
  write_file(folder / "dangling", "x", Links::replace);
  CHECK_FALSE(fs::exists(folder / "nowhere"));
  fs::create_directory(folder / "folder");
  CHECK_ERROR(write_file(folder / "folder", "x", Links::replace), "not a regular file");
  const fs::path longest = folder / std::string(255, 'n');
  write_file(longest, "x");
  CHECK(read_file(longest) == "x");
}

}  // namespace
}  // namespace weft::runtime
