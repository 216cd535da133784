// A folder of compiled code by the hash of what it was compiled from, so that a program starts quickly the second time.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace weft::cuda {

class DiskCache {
 public:
  // $XDG_CACHE_HOME/weft/NAME, or ~/.cache/weft/NAME; without a home, a folder of the user's among the temporary files.
  // Throws Error for a folder that another user owns or may write to: its files are run as code. `limit` is how many
  // bytes the folder may hold: the files used longest ago go first.
  DiskCache(const std::string& name, std::size_t limit);

  // The file that `make` once wrote for this content, or writes now: it is given a path of its own, which gets its
  // final name when it is whole. So a cut-off run, or two at once, leave no half file. A file whose bytes have changed
  // since is made again.
  std::filesystem::path file(const std::string& content, const std::string& suffix,
                             const std::function<void(const std::filesystem::path&)>& make) const;

  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::optional<std::filesystem::path> find(const std::string& hash, const std::string& suffix) const;
  void keep_within_limit(const std::filesystem::path& newest) const;

  std::filesystem::path folder_;
  std::size_t limit_;
};

}  // namespace weft::cuda
