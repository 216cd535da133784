// Names files by hash, and drops the oldest.
#include "backends/cuda/device/disk_cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include "ir/error.h"
#include "ir/hash.h"

namespace weft::cuda {

namespace fs = std::filesystem;

namespace {

// Other users can write into a shared folder of temporary files: the user id separates theirs from ours.
fs::path cache_home() {
  if (const char* home = std::getenv("XDG_CACHE_HOME"); home && *home) return fs::path(home) / "weft";
  if (const char* home = std::getenv("HOME"); home && *home) return fs::path(home) / ".cache" / "weft";
  return fs::temp_directory_path() / fmt::format("weft-{}", geteuid());
}

// Weft runs what the cache holds as code, so nobody but the user may write there.
void make_private_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    fail("{}: cannot cache compiled kernels there: {}; set XDG_CACHE_HOME", folder.string(), std::strerror(errno));
  struct stat status {};
  if (lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid() ||
      (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    fail(
        "{}: cannot cache compiled kernels there: it is not a folder that you alone can write to; remove it, or set "
        "XDG_CACHE_HOME",
        folder.string());
}

// From two starts: 128 bits, so that two contents do not meet.
std::string hash_of(std::string_view content) {
  std::string text;
  for (const std::uint64_t start : {kFnv1aStart, std::uint64_t{0x9ae16a3b2f90404f}})
    text += fmt::format("{:016x}", fnv1a(content, start));
  return text;
}

std::string hash_of_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return hash_of(std::string(std::istreambuf_iterator<char>(file), {}));
}

}  // namespace

DiskCache::DiskCache(const std::string& name, std::size_t limit) : folder_(cache_home() / name), limit_(limit) {
  make_private_folder(folder_.parent_path());
  make_private_folder(folder_);
}

// A file is named HASH-SUM: the hash of its source and the hash of its bytes.
std::optional<fs::path> DiskCache::find(const std::string& hash, const std::string& suffix) const {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(hash + "-") || !name.ends_with(suffix)) continue;
    if (name == fmt::format("{}-{}{}", hash, hash_of_file(entry.path()), suffix)) return entry.path();
    fs::remove(entry.path(), error);  // damaged: it is made again
  }
  return {};
}

fs::path DiskCache::file(const std::string& content, const std::string& suffix,
                         const std::function<void(const fs::path&)>& make) const {
  const std::string hash = hash_of(content);
  std::error_code error;
  if (const std::optional<fs::path> found = find(hash, suffix)) {
    fs::last_write_time(*found, fs::file_time_type::clock::now(), error);  // marks it as used; a failure is harmless
    return *found;
  }
  const fs::path unfinished = folder_ / fmt::format("{}.{}{}", hash, getpid(), suffix);
  make(unfinished);
  const fs::path path = folder_ / fmt::format("{}-{}{}", hash, hash_of_file(unfinished), suffix);
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
    std::error_code gone;  // another run may clean up at the same time
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
