// Files that appear whole or not at all: written under a temporary name in the same folder, flushed to the disk, then
// renamed over the old one. Everything in Weft that replaces a file goes through here.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace weft::runtime {

// Until `commit` returns, the file at `path` is untouched; without a commit the temporary goes away. Every member
// throws Error with path and reason (folder missing, no permission, disk full) and removes the temporary first.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
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
void write_file(const std::filesystem::path& path, std::string_view contents);

// The whole file. Throws Error with path and reason.
std::string read_file(const std::filesystem::path& path);

}  // namespace weft::runtime
