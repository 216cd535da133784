// zlib reads plain files too, so both kinds take one path.
#include "training/gzip.h"

#include <zlib.h>

#include <cerrno>
#include <cstring>

#include "ir/error.h"

namespace weft::training {

namespace fs = std::filesystem;

void GzipReader::Close::operator()(gzFile_s* file) const { gzclose(file); }

GzipReader::GzipReader(const fs::path& path) : path_(path) {
  std::error_code error;
  if (fs::is_directory(path, error)) fail("cannot read {}: it is a folder, not a file", path.string());
  errno = 0;
  file_.reset(gzopen(path.c_str(), "rb"));
  if (!file_) fail("cannot open {}: {}; check the name", path.string(), std::strerror(errno));
  gzbuffer(file_.get(), 1 << 17);
}

std::size_t GzipReader::read_up_to(void* target, std::size_t size) {
  const int count = gzread(file_.get(), target, static_cast<unsigned>(size));
  int code = Z_OK;
  const char* reason = gzerror(file_.get(), &code);
  // Z_BUF_ERROR is zlib's word for a gzip stream that ends too early; what came before it is still delivered.
  if (code == Z_BUF_ERROR) fail("{}: the gzip stream ends too early; fetch the file again", path_.string());
  if (code == Z_ERRNO) fail("cannot read {}: {}", path_.string(), std::strerror(errno));
  if (count < 0 || code != Z_OK)
    fail("{}: the gzip stream is corrupt ({}); fetch the file again", path_.string(), reason);
  return static_cast<std::size_t>(count);
}

std::string read_unpacked(const fs::path& path) {
  constexpr std::size_t chunk = std::size_t{4} << 20;
  GzipReader reader(path);
  std::string bytes;
  while (true) {
    const std::size_t done = bytes.size();
    bytes.resize(done + chunk);
    const std::size_t count = reader.read_up_to(bytes.data() + done, chunk);
    bytes.resize(done + count);
    if (count < chunk) return bytes;
  }
}

fs::path plain_or_gzipped(const fs::path& path) {
  if (fs::exists(path)) return path;
  const fs::path packed = path.string() + ".gz";
  return fs::exists(packed) ? packed : fs::path();
}

}  // namespace weft::training
