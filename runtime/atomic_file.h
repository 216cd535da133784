// Files that appear whole or not at all: written under a temporary name in the same folder, flushed to disk, then
// renamed over the old file. All code in Weft that replaces a file uses this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace weft::runtime {

// For a symbolic link: replace the file that it points to, or the link.
enum class Links : std::uint8_t { follow, replace };

// Leaves the file at `path` untouched until `commit` returns; without a commit, removes the temporary file. Every
// member throws Error with path and reason (missing folder, no permission, full disk) and removes the temporary file
// first.
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

// Replaces the file at `path` with `contents`.
void write_file(const std::filesystem::path& path, std::string_view contents, Links links = Links::follow);

// Removes the temporary files of dead processes in `folder`: regular files with exactly such a name whose process does
// not run on this machine, or has the number of this process. Call it only while this process writes nothing there.
void sweep_temporaries(const std::filesystem::path& folder);

// Reads the whole file. Throws Error with path and reason.
std::string read_file(const std::filesystem::path& path);

}  // namespace weft::runtime
