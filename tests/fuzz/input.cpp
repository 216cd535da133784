// Files in memory, and what makes a finding.
#include "tests/fuzz/input.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "ir/visible.h"

namespace weft::fuzz {

namespace fs = std::filesystem;

namespace {

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written <= 0) std::abort();
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

struct Folder {
  fs::path path;
  Folder() {
    std::string name = "/dev/shm/weft-fuzz-XXXXXX";
    if (!::mkdtemp(name.data())) std::abort();
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

}  // namespace

MemoryFile::MemoryFile(std::string_view bytes) : descriptor_(::memfd_create("input", MFD_CLOEXEC)) {
  if (descriptor_ < 0) std::abort();
  write_all(descriptor_, bytes);
}

MemoryFile::~MemoryFile() { ::close(descriptor_); }

fs::path MemoryFile::path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

const fs::path& memory_folder() {
  static const Folder folder;
  return folder.path;
}

void write(const fs::path& path, std::string_view bytes) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) std::abort();
  write_all(descriptor, bytes);
  ::close(descriptor);
}

std::string_view take_part(std::string_view& rest) {
  constexpr std::string_view border = "\n%%%%\n";
  const std::size_t end = std::min(rest.find(border), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + border.size(), rest.size()));
  return part;
}

void finding(std::string_view what, std::string_view detail) {
  fmt::print(stderr, "finding: {}\n{}\n", what, detail);
  std::abort();
}

void check_message(std::string_view message) {
  need(!message.empty(), "an error without a message");
  const std::string shown = visible_message(message);
  need(visible_lines(shown) == shown, "a message that acts on the terminal", shown);
  need(shown.size() < 4000, "a message that is too long", shown);
}

}  // namespace weft::fuzz
