// AtomicFile over POSIX calls; the C++ streams can neither flush to the disk nor say why a write failed.
#include "runtime/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ir/error.h"
#include "runtime/process.h"

namespace weft::runtime {

namespace fs = std::filesystem;

namespace {

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

constexpr std::string_view kTemporaryMark = ".tmp-";

// Hidden, in the same folder (rename does not cross file systems), unique in this process and among processes.
fs::path temporary_name(const fs::path& path) {
  static std::atomic<unsigned> serial{0};
  constexpr std::size_t kept =
      200;  // length kept of the name, so that the longest legal name still gets a legal temporary name
  return folder_of(path) / fmt::format(".{}{}{}-{}", path.filename().string().substr(0, kept), kTemporaryMark,
                                       ::getpid(), serial.fetch_add(1));
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The process in the name of a temporary file, or 0 for other names.
pid_t writer_of(const std::string& name) {
  const std::size_t mark = name.rfind(kTemporaryMark);
  if (!name.starts_with('.') || mark == std::string::npos || mark < 2) return 0;
  const std::string numbers = name.substr(mark + kTemporaryMark.size());
  const std::size_t dash = numbers.find('-');
  if (dash == std::string::npos || !is_number(numbers.substr(0, dash)) || !is_number(numbers.substr(dash + 1)))
    return 0;
  return std::stoi(numbers.substr(0, dash));
}

std::string_view advice(int error) {
  switch (error) {
    case ENOENT:
      return "; create the folder first";
    case EACCES:
    case EPERM:
    case EROFS:
      return "; choose a folder you may write to";
    case ENOSPC:
    case EDQUOT:
      return "; free some space and run again";
    case EFBIG:
      return "; raise the file size limit (ulimit -f)";
    default:
      return "";
  }
}

// Makes the rename durable. File systems that cannot flush a folder return EINVAL and need no flush.
bool flush_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool flushed = ::fsync(descriptor) == 0 || errno == EINVAL;
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return flushed;
}

}  // namespace

AtomicFile::AtomicFile(fs::path path, Links links) : path_(std::move(path)) {
  // Refuses devices, folders and other special files, which a rename would replace with a regular file.
  std::error_code error;
  if (links == Links::follow && fs::is_symlink(path_, error)) path_ = fs::weakly_canonical(path_, error);
  const fs::file_status status = fs::symlink_status(path_, error);
  const bool is_replaced = fs::is_regular_file(status) || (links == Links::replace && fs::is_symlink(status));
  if (fs::exists(status) && !is_replaced) {
    fail("cannot write {}: it exists and is not a regular file; choose another name", path_.string());
  }
  if (path_.filename().empty()) fail("cannot write '{}': a file name is missing", path_.string());
  fs::path temporary;
  do {  // an earlier process with the same number, as in a container, may have left a file of that name
    temporary = temporary_name(path_);
    descriptor_ = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor_ < 0 && (errno == EEXIST || errno == EINTR));
  if (descriptor_ < 0) fail_with_errno("create");
  temporary_ = temporary;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::write(const void* data, std::size_t size) {
  check(descriptor_ >= 0, "write to a closed AtomicFile");
  constexpr std::size_t most = std::size_t{1} << 30;  // Linux writes at most 2 GiB per call
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(descriptor_, next, std::min(size, most));
    if (written < 0) {
      if (errno == EINTR) continue;
      fail_with_errno("write");
    }
    next += written;
    size -= static_cast<std::size_t>(written);
  }
}

void AtomicFile::commit() {
  check(descriptor_ >= 0, "commit of a closed AtomicFile");
  while (::fsync(descriptor_) != 0)
    if (errno != EINTR) fail_with_errno("flush");
  const int descriptor = std::exchange(descriptor_, -1);
  if (::close(descriptor) != 0 && errno != EINTR) fail_with_errno("close");  // Linux closes the file even so
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_with_errno("rename the temporary file to");
  temporary_.clear();
  if (!flush_folder(folder_of(path_))) fail_with_errno("flush the folder of");
}

void AtomicFile::fail_with_errno(std::string_view what) {
  const int error = errno;
  discard();
  fail("cannot {} {}: {}{}", what, path_.string(), std::strerror(error), advice(error));
}

void AtomicFile::discard() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void write_file(const fs::path& path, std::string_view contents, Links links) {
  AtomicFile file(path, links);
  file.write(contents);
  file.commit();
}

void sweep_temporaries(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const pid_t writer = writer_of(entry->path().filename().string());
    std::error_code ignored;  // a file that stays is harmless
    if (writer > 0 && !is_other_process(writer) && fs::is_regular_file(entry->symlink_status(ignored)))
      fs::remove(entry->path(), ignored);
  }
}

std::string read_file(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail("cannot open {}: {}", path.string(), std::strerror(errno));
  std::string contents;
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && status.st_size > 0) {
    contents.reserve(static_cast<std::size_t>(status.st_size));
  }
  char buffer[1 << 16];
  ssize_t count = 0;
  while ((count = ::read(descriptor, buffer, sizeof buffer)) != 0) {
    if (count < 0) {
      if (errno == EINTR) continue;
      const int error = errno;
      ::close(descriptor);
      fail("cannot read {}: {}", path.string(), std::strerror(error));
    }
    contents.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(descriptor);
  return contents;
}

}  // namespace weft::runtime
