// Reads /proc and /sys.
#include "tools/bench/machine.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace weft::tools {

std::string chosen(const std::string& text) {
  const std::size_t open = text.find('['), close = text.find(']');
  return open == std::string::npos || close < open ? "" : text.substr(open + 1, close - open - 1);
}

namespace {

// The value of the first line "KEY : value" of /proc/cpuinfo.
std::string processor_line(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key) && line.find(": ") != std::string::npos) return line.substr(line.find(": ") + 2);
  return "";
}

std::vector<std::string> features() {
  std::istringstream words(processor_line("flags"));
  std::vector<std::string> all;
  for (std::string word; words >> word;) all.push_back(word);
  std::vector<std::string> found;
  for (const char* feature : {"avx2", "fma", "avx512f", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16"})
    if (std::ranges::find(all, feature) != all.end()) found.emplace_back(feature);
  return found;
}

int usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
}

}  // namespace

Machine describe_machine() {
  Machine machine;
  machine.processor = processor_line("model name");
  machine.cores = usable_cores();
  machine.features = features();
  machine.memory_bytes = std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  std::string line;
  std::getline(std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled"), line);
  machine.huge_pages = chosen(line);
  return machine;
}

}  // namespace weft::tools
