// Reading files that may be gzipped: recognised by content, not by name.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

struct gzFile_s;

namespace weft::training {

// Every member throws Error with the file, what is wrong and what to do: missing, a folder, cut short, corrupt.
class GzipReader {
 public:
  explicit GzipReader(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  // The number of bytes read: fewer than asked only at the end of the file.
  std::size_t read_up_to(void* target, std::size_t size);

 private:
  struct Close {
    void operator()(gzFile_s* file) const;
  };

  std::filesystem::path path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

// All of it, unpacked.
std::string read_unpacked(const std::filesystem::path& path);

// `path`, or `path`.gz where that is there and the plain file is not; an empty path where there is neither.
std::filesystem::path plain_or_gzipped(const std::filesystem::path& path);

}  // namespace weft::training
