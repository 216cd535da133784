// A folder of compiled code, keyed by a hash of its source, so that later runs of a program start quickly.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace weft::cuda {

class DiskCache {
 public:
  // $XDG_CACHE_HOME/weft/NAME, or ~/.cache/weft/NAME; without a home, a per-user folder among the temporary files.
  // Throws Error for a folder that another user owns or may write to, because Weft runs its files as code. `limit`
  // bounds the bytes in the folder: the least recently used files go first.
  DiskCache(const std::string& name, std::size_t limit);

  // The file for this content: an existing one, or one that `make` writes now. `make` gets a temporary path, which is
  // renamed when the file is complete, so that interrupted or concurrent runs leave no partial file. A file whose bytes
  // have changed is made again.
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
