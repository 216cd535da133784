// The list of the files that Weft wrote into a run folder. All other files belong to the user.
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

// The names of the listed files that exist. A run of a version without lists: the files that Weft wrote then.
std::vector<std::string> run_files(const std::filesystem::path& folder);

// Adds a name to the list; call it before writing the file. Appends lines, so that concurrent commands lose none.
// Throws Error if the list cannot be written.
void record_run_file(const std::filesystem::path& folder, std::string_view name);

// Removes the files of a run, config first: if the process dies meanwhile, the rest is not a run, and the next call
// removes it. Other files stay.
void remove_run(const std::filesystem::path& folder);

}  // namespace weft::training
