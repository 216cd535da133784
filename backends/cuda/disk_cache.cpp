// Names files by hash, and drops the oldest.
#include "backends/cuda/disk_cache.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "ir/error.h"

namespace weft::cuda {

namespace fs = std::filesystem;

namespace {

fs::path cache_home() {
  if (const char* home = std::getenv("XDG_CACHE_HOME"); home && *home) return home;
  if (const char* home = std::getenv("HOME"); home && *home) return fs::path(home) / ".cache";
  return fs::temp_directory_path();
}

// FNV-1a with two starts: 128 bits, so that two contents do not meet.
std::string hash_of(const std::string& content) {
  std::string text;
  for (std::uint64_t hash : {std::uint64_t{0xcbf29ce484222325}, std::uint64_t{0x9ae16a3b2f90404f}}) {
    for (const char character : content) hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3;
    text += fmt::format("{:016x}", hash);
  }
  return text;
}

}  // namespace

DiskCache::DiskCache(const std::string& name, std::size_t limit)
    : folder_(cache_home() / "weft" / name), limit_(limit) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error)
    fail("{}: compiled kernels cannot be kept there: {}; set XDG_CACHE_HOME", folder_.string(), error.message());
}

fs::path DiskCache::file(const std::string& content, const std::string& suffix,
                         const std::function<void(const fs::path&)>& make) const {
  const fs::path path = folder_ / (hash_of(content) + suffix);
  std::error_code error;
  if (fs::exists(path, error)) {
    fs::last_write_time(path, fs::file_time_type::clock::now(), error);  // used now; of no harm where it fails
    return path;
  }
  const fs::path unfinished = folder_ / fmt::format("{}.{}{}", hash_of(content), getpid(), suffix);
  make(unfinished);
  fs::rename(unfinished, path, error);
  if (error) fail("{}: {}", path.string(), error.message());
  keep_within_limit(path);
  return path;
}

void DiskCache::keep_within_limit(const fs::path& newest) const {
  struct File {
    fs::file_time_type used;
    fs::path path;
    std::size_t bytes;
  };
  std::vector<File> files;
  std::size_t total = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, error)) {
    std::error_code gone;  // another run may tidy up at the same time
    const std::size_t bytes = entry.file_size(gone);
    if (gone) continue;
    files.push_back({entry.last_write_time(gone), entry.path(), bytes});
    total += bytes;
  }
  std::ranges::sort(files, {}, &File::used);
  for (const File& file : files) {
    if (total <= limit_) return;
    if (file.path == newest) continue;
    fs::remove(file.path, error);
    total -= file.bytes;
  }
}

}  // namespace weft::cuda
