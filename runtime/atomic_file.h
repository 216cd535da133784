// Files that appear whole or not at all: written under a temporary name in the same folder, flushed to the disk, then
// renamed over the old one. Everything in Weft that replaces a file goes through here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace weft::runtime {

// What happens where the path is a symbolic link: the file that it points to is replaced, or the link itself.
enum class Links : std::uint8_t { follow, replace };

// Until `commit` returns, the file at `path` is untouched; without a commit the temporary goes away. Every member
// throws Error with path and reason (folder missing, no permission, disk full) and removes the temporary first.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path, Links links = Links::follow);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  [[noreturn]] void fail_with_errno(std::string_view what);
  void discard();

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

// Replaces the file at `path` by `contents`.
void write_file(const std::filesystem::path& path, std::string_view contents, Links links = Links::follow);

// Removes the temporary files that processes left in `folder` as they died: regular files with exactly such a name
// whose process does not run on this machine, or has the number of this one. Call it while this process writes nothing
// there.
void sweep_temporaries(const std::filesystem::path& folder);

// The whole file. Throws Error with path and reason.
std::string read_file(const std::filesystem::path& path);

}  // namespace weft::runtime
