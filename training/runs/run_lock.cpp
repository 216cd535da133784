// Locks a run folder with flock.
#include "training/runs/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <string>

#include "ir/error.h"
#include "ir/text/number.h"
#include "runtime/atomic_file.h"
#include "runtime/process.h"

namespace weft::training {

namespace {

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

// The contents of the file: "PROCESS HOST\n". Process 0 if there is none.
struct Holder {
  pid_t process = 0;
  std::string host;
};

Holder holder_of(const std::filesystem::path& path) {
  std::string text;
  try {
    text = runtime::read_file(path);
  } catch (const Error&) {  // it was removed
  }
  const std::size_t space = text.find(' ');
  if (space == std::string::npos || text.back() != '\n') return {};
  return {parse_number<pid_t>(text.substr(0, space)).value_or(0), text.substr(space + 1, text.size() - space - 2)};
}

bool has_no_locks(int error) { return error == ENOSYS || error == EOPNOTSUPP || error == ENOLCK || error == EINVAL; }

}  // namespace

RunLock::RunLock(const std::filesystem::path& folder) : folder_(folder), path_(folder / ".lock") {
  while (!open()) {
  }
  try {
    take();
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

RunLock::~RunLock() {
  // Removes the file while locked: a process that opened it before sees that it is gone, and retries.
  if (is_held()) ::unlink(path_.c_str());
  ::close(descriptor_);
}

bool RunLock::is_held() const {
  struct stat mine {};
  struct stat there {};
  return ::fstat(descriptor_, &mine) == 0 && ::lstat(path_.c_str(), &there) == 0 && there.st_ino == mine.st_ino &&
         there.st_dev == mine.st_dev;
}

void RunLock::check_held() const {
  if (!is_held())
    fail(
        "{}: another process removed or replaced the folder during training: all training since the last "
        "checkpoint is lost; train into another folder",
        folder_.string());
}

bool RunLock::open() {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
  if (descriptor_ < 0) {
    if (errno == EINTR) return false;
    if (errno == ELOOP) fail("{} is a symbolic link, not the lock of a run: remove it", path_.string());
    fail("cannot create {}: {}; choose a folder you may write to", path_.string(), std::strerror(errno));
  }
  int locked = 0;
  do {
    locked = ::flock(descriptor_, LOCK_EX | LOCK_NB);
  } while (locked != 0 && errno == EINTR);
  const int error = locked == 0 ? 0 : errno;
  const bool is_there = is_held();
  struct stat mine {};
  ::fstat(descriptor_, &mine);
  // Locking a hard link would empty its other name.
  const bool is_lock = S_ISREG(mine.st_mode) && mine.st_nlink <= 1;
  if (is_there && is_lock && error == 0) return true;
  if (is_there && is_lock && has_no_locks(error)) {
    const Holder holder = holder_of(path_);
    const bool is_here = holder.host == host_name();
    if (holder.process == 0 || (is_here && !runtime::is_other_process(holder.process))) return true;
    ::close(descriptor_);
    if (is_here) refuse();
    fail(
        "{} was written by process {} on {}, and this file system has no locks to tell whether it still runs: if not, "
        "remove {}; otherwise choose another output folder",
        folder_.string(), holder.process, holder.host, path_.string());
  }
  ::close(descriptor_);
  if (!is_there) return false;
  if (!is_lock) fail("{} is not the lock of a run (not a plain file, or a hard link): remove it", path_.string());
  if (error == EWOULDBLOCK) refuse();
  fail("cannot lock {}: {}", path_.string(), std::strerror(error));
}

void RunLock::take() {
  const std::string text = fmt::format("{} {}\n", ::getpid(), host_name());
  if (::ftruncate(descriptor_, 0) != 0 || ::write(descriptor_, text.data(), text.size()) != ssize_t(text.size()))
    fail("cannot write {}: {}; free some space and run again", path_.string(), std::strerror(errno));
}

void RunLock::refuse() const {
  const Holder holder = holder_of(path_);
  const std::string who = holder.process == 0 ? std::string("another process")
                                              : fmt::format("process {} on {}", holder.process, holder.host);
  fail("{} is in use: {} writes a run there; wait until it ends, stop it, or choose another output folder",
       folder_.string(), who);
}

}  // namespace weft::training
