// Looking into the folders of runs.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "runtime/atomic_file.h"
#include "training/runs/run_directory.h"

namespace weft::test {

namespace fs = std::filesystem;
using training::RunDirectory;
using Names = std::vector<std::string>;

inline RunDirectory open_to_write(const fs::path& path) {
  return RunDirectory::open(path, RunDirectory::Access::write);
}

// What two runs have in common that compute the same.
inline std::pair<std::string, std::string> files_of(const fs::path& run) {
  return {runtime::read_file(run / "checkpoint.safetensors"), runtime::read_file(run / "metrics.jsonl")};
}

inline Names names_in(const fs::path& folder) {
  Names names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

}  // namespace weft::test
