// Reading files that may be gzipped: recognised by content, not by name.
#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

struct z_stream_s;

namespace weft::training {

// Members of a gzip file that follow one another are one stream (RFC 1952); bytes after the last that begin no member
// are an error. Every member throws Error with the file, what is wrong and what to do: missing, a folder, cut short,
// corrupt, bytes left over.
class GzipReader {
 public:
  explicit GzipReader(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  // The number of bytes read: fewer than asked only at the end of the file.
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
  std::unique_ptr<z_stream_s, Close> stream_;  // none: the file is plain
  bool in_member_ = true;
  std::vector<unsigned char> input_;  // bytes of the file; those from next_ to end_ are to be read
  std::size_t next_ = 0;
  std::size_t end_ = 0;
};

// All of it, unpacked.
std::string read_unpacked(const std::filesystem::path& path);

// `path`, or `path`.gz where that is there and the plain file is not; an empty path where there is neither.
std::filesystem::path plain_or_gzipped(const std::filesystem::path& path);

}  // namespace weft::training
