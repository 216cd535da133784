// The lock of a run folder: one process writes at a time, until the object or the process ends.
#pragma once

#include <filesystem>

namespace weft::training {

// An advisory lock (flock) on the file `.lock` in the folder, which names process and host for error messages. The
// system releases it when the process ends, so it is never stale; the destructor removes the file. If the file system
// has no locks (some network and FUSE file systems, such as Lustre mounted without -o flock), the file alone is the
// lock. It is stale if its process no longer runs on this host; if it names another host, the Error tells the user to
// remove it.
class RunLock {
 public:
  // Throws Error with process and host if another process writes there.
  explicit RunLock(const std::filesystem::path& folder);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  // Throws Error if the folder was removed or replaced meanwhile: its files then belong to another run.
  void check_held() const;

 private:
  bool open();  // false if the file was removed meanwhile
  void take();
  bool is_held() const;  // whether the file in the folder is the locked one
  [[noreturn]] void refuse() const;

  std::filesystem::path folder_;
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace weft::training
