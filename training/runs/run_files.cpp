// The file `.files` of a run folder.
#include "training/runs/run_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ir/error.h"
#include "runtime/atomic_file.h"

namespace weft::training {

namespace fs = std::filesystem;

namespace {

constexpr const char* kListName = ".files";

// All files that Weft wrote into run folders before it kept a list.
constexpr const char* kNamesBeforeLists[] = {
    kConfigName,           kModelName,    kMetricsName,        kCheckpointName,
    "report.html",         "loss.png",    "views.png",         "similarity.png",
    "reconstructions.png", "samples.png", "interpolation.png", "filters.png",
    "latent.png",          "units.png",   "traversals.png",    "maps.png",
    "plane.png",           "codes.npy",   "codes_labels.npy",  "anomaly.json",
    "neighbours.npy",      "roc.png",     "strangest.png",     "precision_recall.png",
};

// A list is untrusted: accepts only names of files in the folder itself.
bool is_plain(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

bool is_there(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  return fs::is_regular_file(status) || fs::is_symlink(status);
}

bool has_list(const fs::path& folder) {
  std::error_code error;
  return fs::is_regular_file(fs::symlink_status(folder / kListName, error));
}

std::vector<std::string> listed(const fs::path& folder) {
  std::vector<std::string> names;
  if (!has_list(folder)) {
    if (fs::exists(folder / kConfigName)) names.assign(std::begin(kNamesBeforeLists), std::end(kNamesBeforeLists));
    return names;
  }
  const std::string text = runtime::read_file(folder / kListName);
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    std::string name = text.substr(begin, end - begin);
    if (is_plain(name) && std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

void append(const fs::path& path, const std::string& text) {
  const int descriptor =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
  if (descriptor < 0) fail("cannot open {}: {}", path.string(), std::strerror(errno));
  ssize_t written = 0;
  do {
    written = ::write(descriptor, text.data(), text.size());
  } while (written < 0 && errno == EINTR);
  const int error = written < 0 ? errno : ENOSPC;
  ::close(descriptor);
  if (written != static_cast<ssize_t>(text.size()))
    fail("cannot write {}: {}; free some space and run again", path.string(), std::strerror(error));
}

}  // namespace

std::vector<std::string> run_files(const fs::path& folder) {
  std::vector<std::string> names = listed(folder);
  std::erase_if(names, [&](const std::string& name) { return !is_there(folder / name); });
  return names;
}

void record_run_file(const fs::path& folder, std::string_view name) {
  check(is_plain(name), "a file of a run lies in its folder");
  const std::vector<std::string> names = listed(folder);
  const bool is_listed = std::ranges::find(names, name) != names.end();
  if (has_list(folder) && is_listed) return;
  std::string text;
  if (!has_list(folder))  // first lists the files of an older run
    for (const std::string& each : run_files(folder)) text += each + '\n';
  append(folder / kListName, fmt::format("{}{}\n", text, name));
}

void remove_run(const fs::path& folder) {
  std::vector<std::string> names = run_files(folder);
  // Training replaces the checkpoint in any case. Until then, a checkpoint left by a run without config and list would
  // pass for the new run's.
  names.emplace_back(kCheckpointName);
  std::ranges::stable_partition(names, [](const std::string& name) { return name == kConfigName; });
  std::error_code ignored;  // a file that cannot be removed cannot be replaced either: writing it fails
  for (const std::string& name : names)
    if (is_there(folder / name)) fs::remove(folder / name, ignored);
  if (has_list(folder)) fs::remove(folder / kListName, ignored);
}

}  // namespace weft::training
