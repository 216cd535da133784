// The right to write into a run folder: one process at a time, held until the object or the process ends.
#pragma once

#include <filesystem>

namespace weft::training {

// An advisory lock (flock) on the file `.lock` in the folder, which names process and host for the messages of others.
// The system releases it when the process ends, however it ends, so that a lock is never stale; the file goes away with
// the object. Where the file system has no locks (some network and FUSE file systems: Lustre mounted without -o
// flock), the file alone is the lock: it is stale once its process does not run on its host, and where its host is
// another one the error says to remove it.
class RunLock {
 public:
  // Throws Error where another run is written there: with the process and its host.
  explicit RunLock(const std::filesystem::path& folder);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  // Throws Error where the folder was removed or replaced meanwhile: its files are another run's then.
  void check_held() const;

 private:
  bool open();  // false where the file went away meanwhile
  void take();
  bool is_held() const;  // whether the file there is the one that was locked
  [[noreturn]] void refuse() const;

  std::filesystem::path folder_;
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace weft::training
