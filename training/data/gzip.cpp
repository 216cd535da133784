// Uses inflate, because zlib's gzread silently ignores bytes after a member.
#include "training/data/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "ir/error.h"

namespace weft::training {

namespace fs = std::filesystem;

namespace {

constexpr unsigned char kMagic[] = {0x1f, 0x8b};

z_stream_s* new_stream() {
  constexpr int gzip_alone = 16;
  auto stream = std::make_unique<z_stream>();
  check(inflateInit2(stream.get(), MAX_WBITS + gzip_alone) == Z_OK, "zlib starts a stream");
  return stream.release();
}

}  // namespace

void GzipReader::Close::operator()(z_stream_s* stream) const {
  inflateEnd(stream);
  delete stream;
}

GzipReader::GzipReader(const fs::path& path) : path_(path), input_(std::size_t{1} << 17) {
  std::error_code error;
  if (fs::is_directory(path, error)) fail("cannot read {}: it is a folder, not a file", path.string());
  errno = 0;
  file_.reset(std::fopen(path.c_str(), "rb"));
  if (!file_) fail("cannot open {}: {}; check the name", path.string(), std::strerror(errno));
  fill();
  if (end_ >= sizeof kMagic && std::equal(std::begin(kMagic), std::end(kMagic), input_.begin()))
    stream_.reset(new_stream());
}

// Returns whether there are bytes to read.
bool GzipReader::fill() {
  if (next_ < end_) return true;
  next_ = 0;
  end_ = std::fread(input_.data(), 1, input_.size(), file_.get());
  if (std::ferror(file_.get())) fail("cannot read {}: {}", path_.string(), std::strerror(errno));
  return end_ > 0;
}

std::size_t GzipReader::read_up_to(void* target, std::size_t size) {
  auto* bytes = static_cast<unsigned char*>(target);
  return stream_ ? unpack(bytes, size) : copy(bytes, size);
}

std::size_t GzipReader::copy(unsigned char* target, std::size_t size) {
  std::size_t done = 0;
  while (done < size && fill()) {
    const std::size_t count = std::min(size - done, end_ - next_);
    std::copy_n(input_.data() + next_, count, target + done);
    next_ += count;
    done += count;
  }
  return done;
}

std::size_t GzipReader::unpack(unsigned char* target, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    if (!fill()) {
      if (!in_member_) return done;
      fail("{}: the gzip stream is truncated; download the file again", path_.string());
    }
    if (!in_member_) begin_member();
    const std::size_t room = std::min<std::size_t>(size - done, UINT_MAX), given = end_ - next_;
    stream_->next_out = target + done;
    stream_->avail_out = static_cast<unsigned>(room);
    stream_->next_in = input_.data() + next_;
    stream_->avail_in = static_cast<unsigned>(given);
    const int code = inflate(stream_.get(), Z_NO_FLUSH);
    next_ += given - stream_->avail_in;
    done += room - stream_->avail_out;
    if (code == Z_STREAM_END)
      in_member_ = false;
    else if (code != Z_OK)
      fail("{}: the gzip stream is corrupt ({}); download the file again", path_.string(),
           stream_->msg ? stream_->msg : "it needs a dictionary");
  }
  return done;
}

void GzipReader::begin_member() {
  if (input_[next_] != kMagic[0])
    fail("{}: bytes follow the end of its gzip stream; download the file again", path_.string());
  check(inflateReset(stream_.get()) == Z_OK, "zlib starts the next member");
  in_member_ = true;
}

std::string read_unpacked(const fs::path& path) {
  GzipReader reader(path);
  std::string bytes;
  while (true) {
    const std::size_t done = bytes.size();
    const std::size_t chunk = std::clamp(done, std::size_t{1} << 16, std::size_t{4} << 20);
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
