// The list of the files that Weft wrote into a run folder: what belongs to the run, and what to its user.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace weft::training {

// Files of a run.
inline constexpr const char* kConfigName = "config.json";
inline constexpr const char* kModelName = "model.weft";
inline constexpr const char* kMetricsName = "metrics.jsonl";
inline constexpr const char* kCheckpointName = "checkpoint.safetensors";

// The names of those files that are there. Of a run of before there was a list: those that Weft is known to write.
std::vector<std::string> run_files(const std::filesystem::path& folder);

// Adds a name to the list, before its file is first written. Lines are appended, so that commands that run side by side
// lose none. Throws Error where the list cannot be written.
void record_run_file(const std::filesystem::path& folder, std::string_view name);

// Removes the files of the run that is or was there, the config first: what is left by a process that dies meanwhile is
// no run, and goes with the next call. Files that are not the run's stay.
void remove_run(const std::filesystem::path& folder);

}  // namespace weft::training
