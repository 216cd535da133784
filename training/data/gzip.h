// Reads plain and gzipped files; detects gzip by content.
#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

struct z_stream_s;

namespace weft::training {

// Reads the members of a gzip file as one stream (RFC 1952). All functions throw Error with the file, the problem and
// what to do: missing, a folder, truncated, corrupt, other bytes after the last member.
class GzipReader {
 public:
  explicit GzipReader(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  // Returns the number of bytes read: fewer than `size` only at the end of the file.
  std::size_t read_up_to(void* target, std::size_t size);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
    void operator()(z_stream_s* stream) const;
  };

  std::size_t copy(unsigned char* target, std::size_t size);
  std::size_t unpack(unsigned char* target, std::size_t size);
  void begin_member();
  bool fill();

  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::unique_ptr<z_stream_s, Close> stream_;  // null if the file is plain
  bool in_member_ = true;
  std::vector<unsigned char> input_;  // bytes of the file; next_ to end_ are unread
  std::size_t next_ = 0;
  std::size_t end_ = 0;
};

// The whole file, unpacked.
std::string read_unpacked(const std::filesystem::path& path);

// `path` if it exists, else `path`.gz if it exists, else an empty path.
std::filesystem::path plain_or_gzipped(const std::filesystem::path& path);

}  // namespace weft::training
